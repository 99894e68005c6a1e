"""A network starts as its key says."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from terrasweep.infra.context import Context
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.models.spec import ModelSpec
from terrasweep.models.zoo.presto.spec import PrestoSpec
from terrasweep.models.zoo.tiny.spec import TinySpec
from terrasweep.pipelines.spec import InitSpec
from terrasweep.pipelines.stages import init

TINY = TinySpec(name="tiny")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(Store.open(str(tmp_path)))


def a_step(model: ModelSpec = TINY, *, replicate: int = 0, label: str = "") -> Step[Spec]:
    return Step("init", InitSpec(model=model, replicate=replicate), label=label)


def make(step: Step[Spec], context: Context) -> Path:
    context.store.make(step, lambda folder: init.make(step, context=context, folder=folder))
    return context.store.folder(step.key)


def made_in(folder: Path, step: Step[Spec], context: Context) -> bytes:
    folder.mkdir()
    init.make(step, context=context, folder=folder)
    return (folder / "weights.safetensors").read_bytes()


def test_weights_follow_from_the_key_to_the_last_byte(context, tmp_path):
    first = made_in(tmp_path / "a", a_step(), context)
    torch.manual_seed(99)
    assert made_in(tmp_path / "b", a_step(label="named otherwise"), context) == first
    assert made_in(tmp_path / "c", a_step(replicate=1), context) != first


def test_no_global_generator_is_moved(context, tmp_path):
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    made_in(tmp_path / "a", a_step(), context)
    assert torch.equal(torch.rand(3), wanted)


def test_the_card_says_what_it_is(context):
    folder = make(a_step(PrestoSpec(name="presto")), context)
    card = json.loads((folder / "card.json").read_text())
    assert card["model"]["name"] == "presto"
    assert card["model"]["width"] == 128
    assert (card["parameters"], card["learnt"]) == (822_682, 819_034)
    assert len(load_file(folder / "weights.safetensors")) == 102
