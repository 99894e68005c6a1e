"""What `make docs` writes is as the code would write it now."""

import json
from pathlib import Path

from sweeps.schema import schema

HOUSE = Path(__file__).parents[2]


def test_the_committed_schema_is_the_schema():
    committed = json.loads((HOUSE / "docs" / "sweep.schema.json").read_text())
    assert committed == schema(), "run `make docs`"
