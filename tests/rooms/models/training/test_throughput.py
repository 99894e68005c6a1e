"""What a training costs, and what it is held against: by hand, and left as it was found."""

import pytest
import torch
from torch import nn

from terrasweep.models.contract import WHOLE, Network
from terrasweep.models.training import throughput
from terrasweep.models.training.throughput import Yardstick
from tests.rooms.models.trainings import CPU, arrays, small_presto, trained


class Plain(Network):
    """One linear map with a norm that counts what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.map, self.norm = nn.Linear(7, 5, bias=False), nn.BatchNorm1d(7)

    def loss(self, batch, *, generator, part=WHOLE):
        x = torch.rand(batch["x"][part].shape, generator=generator)
        return self.map(self.norm(x)).square().sum()

    def encode(self, batch):
        return batch["x"]


def test_products_and_sums_are_counted_forward_and_back():
    # A map of 7 to 5: 2 * 7 * 5 forward, as much for its weights, as much for what is below it.
    batch = {"x": torch.zeros(20, 7)}
    assert throughput.flops_per_sample(Plain(), batch) == 3 * 2 * 7 * 5


def test_counting_leaves_the_network_as_it_was():
    network = Plain().train()
    before = {name: values.clone() for name, values in network.state_dict().items()}
    throughput.flops_per_sample(network, {"x": torch.zeros(20, 7)})
    assert all(torch.equal(values, before[name]) for name, values in network.state_dict().items())
    assert all(parameter.grad is None for parameter in network.parameters())


def test_attention_counts_too():
    batch = {name: torch.from_numpy(values) for name, values in arrays().items()}
    network = small_presto()
    linear = sum(p.numel() for p in network.parameters() if p.ndim > 1)
    tokens = 12 * 9 + 2
    assert throughput.flops_per_sample(network, batch) > 6 * linear * tokens / 8


def test_a_cpu_is_measured_and_the_share_is_of_all_workers():
    peak, source = throughput.peak_flops(CPU, precision="float32")
    assert source == "measured"
    assert 1e8 < peak < 1e15
    stick = Yardstick(flops_per_sample=2e6, peak_flops=1e9, peak_from="measured")
    assert stick.share(100.0) == pytest.approx(0.2)
    assert stick.share(100.0, workers=2) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("called", "wanted"),
    [("NVIDIA H100 80GB HBM3", 989e12), ("NVIDIA H100 PCIe", 756e12), ("NVIDIA L4", 121e12)],
)
def test_known_accelerators_are_looked_up_by_name(called, wanted, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: called)
    assert throughput.peak_flops(torch.device("cuda"), precision="bfloat16") == (wanted, "table")


def test_every_row_says_how_fast_and_with_how_much_memory():
    stick = Yardstick(flops_per_sample=1e3, peak_flops=1e9, peak_from="measured")
    rows = trained(small_presto(), yardstick=stick)
    for row in rows:
        assert row["mfu"] == pytest.approx(row["samples_per_s"] * 1e-6)
        assert row["peak_mb"] > 50
    assert {row["mfu"] for row in trained(small_presto())} == {None}
