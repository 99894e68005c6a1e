"""Progress in words and in bars: counts, rates and time left, on a terminal and without one."""

import io

import pytest
from rich.console import Console

from terrasweep.sweeps.engine.progress import Stage, Stages


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (Stage("encode", total=8, before=3), "3/8"),
        (Stage("encode", total=8, before=3, began=0.0), "3/8"),
        (Stage("encode", total=8, before=0, done=2, began=0.0), "2/8 · 12.0/min · 30 s left"),
        (Stage("encode", total=8, before=6, done=2, began=0.0), "8/8 · 12.0/min · in 10 s"),
        (
            Stage("cells", total=9000, before=0, done=80, began=0.0),
            "80/9,000 · 8.0/s · 19 min left",
        ),
        (
            Stage("cells", total=8, before=0, done=2, failed=4, began=0.0),
            "2/8 · 12.0/min · 10 s left · 4 failed",
        ),
        (
            Stage("pretrain", total=2, before=0, parts={"a": 0.25, "b": 0.25}, began=0.0),
            "0 + 0.50/2 · 3.0/min · 30 s left",
        ),
        (Stage("pretrain", total=4, before=0, parts={"a": 0.001}, began=0.0), None),
    ],
)
def test_words_after_ten_seconds(stage, said):
    words = stage.words(now=10.0)
    assert words == said if said else words.endswith("11.1 h left")


def _told(*, terminal: bool) -> str:
    out = io.StringIO()
    with Stages(Console(file=out, force_terminal=terminal, width=100)) as stages:
        stages.open("pretrain", total=2)
        stages.open("finetune", total=3, before=1)
        for part in range(10):
            stages.part("pretrain", key="one", done=part, total=10)
        stages.add("pretrain", done=1, key="one")
        stages.say("a line of its own, with [brackets]")
        stages.add("pretrain", done=1, key="two")
        stages.add("finetune", done=1, failed=1)
    return out.getvalue()


def test_without_a_terminal_there_are_few_plain_lines():
    told = _told(terminal=False)
    lines = [line.strip() for line in told.splitlines()]
    assert lines[0] == "pretrain 0/2"
    assert lines[1] == "finetune 1/3"
    assert "a line of its own, with [brackets]" in lines
    assert any(line.startswith("pretrain 2/2") for line in lines)
    assert lines[-1].startswith("finetune 2/3")
    assert lines[-1].endswith("1 failed")
    assert len(lines) == 5
    assert "\x1b" not in told


def test_on_a_terminal_there_are_bars():
    told = _told(terminal=True)
    assert "━" in told
    assert "2/2" in told
    assert "a line of its own" in told
