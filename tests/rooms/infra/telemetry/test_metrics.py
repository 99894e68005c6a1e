"""The dashboard asks for every figure that is counted, and for none that is not."""

import json
import re
import subprocess
import sys
from itertools import combinations

import pytest

from terrasweep.infra.deploy.rendering import TEMPLATES
from terrasweep.infra.telemetry import metrics

BOARD = TEMPLATES / "grafana" / "terrasweep.json"


@pytest.fixture(scope="module")
def panels() -> list[dict]:
    return json.loads(BOARD.read_text())["panels"]


def test_the_dashboard_shows_what_is_counted_and_nothing_else(panels):
    asked = set()
    for panel in panels:
        for target in panel["targets"]:
            asked |= set(re.findall(r"ray_\w+", target["expr"]))
    exported = {f"ray_{name}_total" for name in metrics.COUNTERS}
    exported |= {f"ray_{name}" for name in metrics.GAUGES}
    assert asked == exported


def test_only_tags_that_exist_are_asked_for(panels):
    said = BOARD.read_text()
    grouped = re.findall(r"by \((\w+)\)", said) + re.findall(r"\{(\w+)=~", said)
    assert set(grouped) <= set(metrics.TAGS)


def test_no_panel_lies_on_another(panels):
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
        assert one["x"] + one["w"] <= 24


def test_counting_without_ray_loads_no_ray():
    code = (
        "import sys; from terrasweep.infra.telemetry import metrics; "
        "metrics.count('terrasweep_bytes', 1); metrics.gauge('terrasweep_mirror_lag', 1); "
        "print('ray' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
