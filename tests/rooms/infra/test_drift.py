"""What a spec left unsaid may not change under a key."""

import json
from pathlib import Path

import pytest

from terrasweep.infra.errors import DriftError
from terrasweep.infra.spec import Spec
from terrasweep.infra.step import Step
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.spec import PretrainSpec


def make(folder: Path) -> None:
    (folder / "a.bin").write_bytes(b"0123456789")


def refuse(folder: Path) -> None:
    raise AssertionError("made again")


class Round(Spec):
    size: int
    shape: str = "round"
    sides: tuple[int, ...] = (1, 2)


class Square(Spec):
    size: int
    shape: str = "square"
    sides: tuple[int, ...] = (1, 2)
    colour: str = "red"


@pytest.fixture
def drifted() -> tuple[Step[Spec], Step[Spec]]:
    """The same step before and after one of its defaults changed."""
    before, after = Step("init", Round(size=3)), Step("init", Square(size=3))
    Square.__name__ = Round.__name__
    assert before.key == after.key
    return before, after


def test_a_default_that_changed_is_refused_by_name(store: Store, drifted):
    before, after = drifted
    store.make(before, make)
    sentence = r"shape = 'round'.*now 'square'.*raise the spec's recipe"
    with pytest.raises(DriftError, match=sentence):
        store.make(after, refuse)
    with pytest.raises(DriftError, match=sentence):
        store.refuse_drift([Step("init", Round(size=4)), after])


def test_a_field_that_is_new_is_no_drift(store: Store):
    class Before(Spec):
        size: int

    class After(Spec):
        size: int
        colour: str = "red"

    After.__name__ = Before.__name__
    record = store.make(Step("init", Before(size=3)), make)
    assert store.make(Step("init", After(size=3)), refuse) == record
    store.refuse_drift([Step("init", After(size=3))])


def test_drift_deep_inside_a_spec_is_named_by_its_path(store: Store):
    step = Step("pretrain", PretrainSpec())
    store.make(step, make)
    path = f"{step.key}.json"
    record = json.loads(store.get(path) or b"")
    record["everything"]["training"]["betas"][1] = 0.99
    store.put(path, json.dumps(record).encode())
    with pytest.raises(DriftError, match=r"training\.betas\[1\] = 0\.99.*now 0\.95"):
        store.make(step, refuse)
