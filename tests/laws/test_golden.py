"""Law 10: the keys of the catalogue are in tests/golden/keys.json; a diff there is seen in review.

`pytest tests/laws/test_golden.py --update-golden` writes the file anew. Whoever has a month of GPU
in a store reads that diff first: every key that changed is made again.
"""

import hashlib
import json
from pathlib import Path

import pytest

from terrasweep.infra.spec import Spec, digest
from terrasweep.infra.step import Step
from terrasweep.sweeps.plan.grid import plan
from terrasweep.sweeps.reading.sweep_file import read, studies

GOLDEN = Path(__file__).parents[1] / "golden" / "keys.json"


def keys(name: str) -> dict[str, object]:
    """All keys of a study: each step's with what people call it, and one digest over the cells."""
    planned = plan(read(name))
    steps = sorted((step.stage, step.label, str(step.key)) for step in planned.steps)
    cells = sorted(str(cell.step.key) for cell in planned.cells)
    return {
        "steps": [f"{key} {label}" for _, label, key in steps],
        "cells": f"{len(cells)} with digest {digest(cells)}",
    }


def test_the_catalogue_keeps_its_keys(pytestconfig: pytest.Config):
    found = {name: keys(name) for name in studies()}
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    assert json.loads(GOLDEN.read_text()) == found, "keys changed: run with --update-golden"


def test_the_form_of_a_key_does_not_change():
    # Beside the catalogue, one key by hand: stage, canonical spec, keys of the needs.
    class Ball(Spec):
        size: float
        colour: str = "red"
        holes: tuple[int, ...] = ()

    below = Step("shard", Ball(size=0.5))
    text = '["shard",{"recipe":1,"size":0.5,"spec":"Ball"},[]]'
    assert below.key.digest == hashlib.sha256(text.encode()).hexdigest()[:16]

    step = Step("sample", Ball(size=-0.0, holes=(2, 1)), (below,), label="never said")
    said = '{"holes":[2,1],"recipe":1,"size":0.0,"spec":"Ball"}'
    text = f'["sample",{said},["shard/{below.key.digest}"]]'
    assert step.key.digest == hashlib.sha256(text.encode()).hexdigest()[:16]
