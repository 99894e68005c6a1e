"""Numbers and reasons as they are printed."""

import pytest

from terrasweep.dashboards.html import wording

TRACEBACK = """\x1b[36mray::work()\x1b[39m (pid=1)
  File "pool.py", line 3, in read
KeyError: 'land_cover'

The above exception was the direct cause of the following exception:

ray.exceptions.UserCodeException: a block failed.
"""


def test_a_number_that_prints_as_zero_has_no_sign():
    assert [wording.signed(value) for value in (-0.0004, 0.0004, 0.0)] == ["0.000"] * 3
    assert wording.signed(-0.0006) == "\u22120.001"
    assert wording.signed(0.25) == "+0.250"
    assert wording.score(-0.0004) == "0.000"


def test_a_reason_is_the_error_that_began_it():
    assert wording.reason("RayTaskError", TRACEBACK) == "KeyError: 'land_cover'"
    assert wording.reason("OSError", "disk full\nat once") == "OSError: disk full"
    assert wording.reason("OSError", "") == "OSError: no message"
    assert len(wording.reason("OSError", "x" * 999)) == wording.MAX_REASON + 1


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.25, "0.2 s"), (89, "89.0 s"), (600, "10.0 min"), (7200, "2.0 h")]
)
def test_times_are_in_the_unit_that_suits_them(seconds, said):
    assert wording.duration(seconds) == said


def test_words_are_joined_as_one_says_them():
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
    assert wording.listed(["a"]) == "a"
    assert wording.places(["north_america", "africa"]) == "North America and Africa"


def test_a_share_is_told_as_finely_as_it_matters():
    shares = (0.0, 0.0001, 0.012, 0.0996, 0.5, 1.0)
    told = [wording.percent(share).replace("\u00a0", " ") for share in shares]
    assert told == ["0 %", "< 0.1 %", "1.2 %", "10 %", "50 %", "100 %"]


def test_a_field_is_told_without_the_marks_of_a_program():
    assert wording.plain({"kind": "only", "values": ("asia", "africa"), "also": {}}) == (
        "kind only; values asia, africa"
    )
