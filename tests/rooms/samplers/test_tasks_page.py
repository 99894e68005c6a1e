"""What docs/tasks.md shows of one's own labelled samples is read as it says."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from terrasweep.samplers.members import TASKS
from tests.support.paths import REPOSITORY

PAGE = (REPOSITORY / "docs/tasks.md").read_text()


def test_the_samples_of_the_page_are_a_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
    (line,) = re.findall(r"^task: .*$", PAGE, re.M)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/tasks.md", "exec"), {})
    fields = yaml.safe_load(line)["task"]
    spec = TASKS.spec("labelled").model_validate(fields)
    read = TASKS["labelled"].read(spec)
    assert read["x"].shape == (600, 12, 18)
    assert TASKS["labelled"].classes(spec) == ("none", "wheat")
    assert 200 < np.bincount(read["label"])[1] < 400


def test_every_task_is_in_the_table():
    (table,) = re.findall(r"^\| task \|.*?\n\n", PAGE, re.M | re.S)
    named = set(
        re.findall(
            r"`([a-z_]+)`", "\n".join(row.split("|")[1] for row in table.split("\n") if "|" in row)
        )
    )
    assert named == set(TASKS.names)
