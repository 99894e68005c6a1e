"""What `make docs` writes is as the code would write it now."""

import json

from terrasweep.sweeps.spec.sweep import json_schema
from tests.support.paths import REPOSITORY


def test_the_committed_schema_is_the_schema():
    committed = json.loads((REPOSITORY / "docs" / "sweep.schema.json").read_text())
    assert committed == json_schema(), "run `make docs`"
