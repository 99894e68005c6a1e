"""Processes that share a GPU keep to their shares of its memory."""

import pytest
import torch

from terrasweep.models.limits import limit_gpu_memory


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What a GPU of which this machine has none was told."""
    told: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", told.append)
    return told


@pytest.mark.parametrize(("share", "limit"), [(0.25, [0.25]), (0.0, []), (1.0, []), (2.0, [])])
def test_a_fraction_is_a_limit_and_whole_devices_are_whole(limits, share, limit):
    limit_gpu_memory(share)
    assert limits == limit


@pytest.mark.gpu
def test_more_than_the_share_is_out_of_memory():
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(1.0)
    try:
        limit_gpu_memory(0.01)
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(total // 50, dtype=torch.uint8, device="cuda")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
