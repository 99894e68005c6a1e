"""Weights come back bit by bit, under their authors' names, and into no other network."""

import json

import pytest
import torch
from safetensors.torch import load_file

from terrasweep.infra.errors import TornError
from terrasweep.models.checkpoints import weights
from terrasweep.models.zoo.presto.model import Presto, build
from terrasweep.models.zoo.presto.spec import PrestoSpec

CARD = {"model": {"name": "presto"}, "parameters": 3}


def presto(seed: int, **fields: int) -> Presto:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(PrestoSpec(name="presto", **fields))
    assert isinstance(network, Presto)
    return network


def test_what_is_read_is_what_was_written(tmp_path):
    written, read = presto(1), presto(2)
    weights.write(written, tmp_path, card=CARD)
    weights.read(read, tmp_path)
    for name, values in written.state_dict().items():
        assert torch.equal(values, read.state_dict()[name]), name
    assert json.loads((tmp_path / "card.json").read_text()) == CARD


def test_the_file_holds_every_published_name_also_the_twin(tmp_path):
    weights.write(presto(1), tmp_path, card=CARD)
    assert len(load_file(tmp_path / "weights.safetensors")) == 102


def test_a_twin_is_one_again_when_read(tmp_path):
    weights.write(presto(1), tmp_path, card=CARD)
    network = presto(2)
    weights.read(network, tmp_path)
    assert network.decoder.channel_embeddings.weight is network.encoder.channel_embed.weight


def test_equal_weights_are_equal_bytes(tmp_path):
    assert weights.pack(presto(1)) == weights.pack(presto(1))
    assert weights.pack(presto(1)) != weights.pack(presto(2))


def test_weights_of_another_shape_are_refused_by_name(tmp_path):
    weights.write(presto(1, width=64), tmp_path, card=CARD)
    with pytest.raises(TornError, match=r"encoder\.norm|decoder\.|found \d+ that differ"):
        weights.read(presto(1), tmp_path)


def test_weights_that_lack_an_entry_are_refused_by_name(tmp_path):
    weights.write(presto(1, depth=1), tmp_path, card=CARD)
    with pytest.raises(TornError, match=r"blocks\.1\.\S+ \(expected \(.*\), got none\)"):
        weights.read(presto(1), tmp_path)
