"""A file is opened without being run: payloads, bombs and torn files are refused in a sentence."""

import zipfile
from pathlib import Path

import pytest
import torch

from terrasweep.infra.errors import UserError
from terrasweep.models.checkpoints import published
from tests.data.official import make


def hostile(tmp_path: Path, how: str) -> Path:
    """A file whose payload would leave `ran` beside it."""
    state: dict[str, object] = dict(make.presto())
    state["encoder.payload"] = make.Payload(tmp_path / "ran")
    path = tmp_path / "hostile.pt"
    if how == "pickle":
        return make.save_as_plain_pickle(state, path)
    if how == "legacy":
        torch.save(state, path, _use_new_zipfile_serialization=False)
        return path
    return make.save(state, path)


@pytest.mark.parametrize("how", ["zip", "legacy", "pickle"])
@pytest.mark.parametrize("network", ["presto", "satclip", "satmae"])
def test_a_payload_is_refused_and_never_run(how, network, tmp_path):
    path = hostile(tmp_path, how)
    with pytest.raises(UserError, match="could run code; nothing was run") as told:
        published.read(network, path)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "ran").exists()


def test_the_payload_is_a_real_one(tmp_path):
    torch.load(hostile(tmp_path, "zip"), weights_only=False)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_refused_in_one_sentence(keep, tmp_path):
    path = make.save(make.presto(), tmp_path / "presto.pt")
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(keep * len(data))])
    with pytest.raises(UserError, match=r", got .*\. Fix: download it again") as told:
        published.read("presto", path)
    assert "\n" not in str(told.value)


def test_an_archive_that_unpacks_to_more_than_itself_is_refused(tmp_path):
    path = tmp_path / "bomb.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb/data.pkl", b"0" * 10_000_000)
    with pytest.raises(UserError, match=r"unpacks to 10,000,000"):
        published.read("presto", path)
