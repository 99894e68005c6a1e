"""Whatever is wrong with what a user hands in: exit code 2, one sentence, nothing written."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from terrasweep.samplers.formats.arrays import to_table
from terrasweep.sweeps.cli import main

GOOD = """\
question: Does it work?
hypothesis: Yes.
name: good
compositions:
  - zero
  - uniform
  - {name: north, rule: {kind: only, values: [europe, asia]}, size: 100}
size: 200
baseline: uniform
models:
  - name: small
    model: {name: tiny, width: 16}
    training: {epochs: 1, lr: 1e-3}
    pool: {name: planet, size: 500}
    tasks: [{name: crop, task: {name: planet_crop, per_continent: 40}}]
continents: [africa, europe]
n: [20]
protocols: [{name: probe, protocol: {name: linear, c: 1.0}}]
seeds: 2
guard_rings: 1
exclude: [{reason: too few, continent: africa, composition: north}]
"""


SLIPS = {
    one["case"]: one for one in yaml.safe_load(Path(__file__).with_name("slips.yaml").read_text())
}

# Files that are no sweep at all, and words that the sentence must hold.
FILES = {
    "empty": (b"", "got an empty file"),
    "only a comment": (b"# nothing\n", "got an empty file"),
    "a list": (b"- a\n- b\n", ":1:1: Expected fields with values at the top level, got a list"),
    "a word": (b"quickstart\n", "top level, got a str"),
    "not UTF-8": (b"name: caf\xe9\n", ":1:10: Expected UTF-8 text, got the byte 0xe9"),
    "UTF-16": ("name: x\n".encode("utf-16"), "Expected UTF-8 text"),
    "a control character": (b"name: a\x00b\n", ":1:8: Expected printable text"),
    "deep nesting": (b"a: " + b"[" * 4000, "got very deep nesting"),
    "many aliases": (
        b"a: &a [1,1,1,1,1,1,1,1,1]\n"
        + b"".join(
            b"%c: &%c [%s]\n" % (c, c, b",".join([b"*%c" % (c - 1)] * 9)) for c in b"bcdefgh"
        ),
        "use fewer aliases",
    ),
}


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("case", SLIPS)
def test_a_slip_is_one_sentence(case: str, command: str, tmp_path: Path, capsys):
    slip = SLIPS[case]
    assert slip["old"] in GOOD
    bad = GOOD.replace(slip["old"], slip["new"], 1).encode()
    refused(bad, says=slip["says"], command=command, folder=tmp_path, capsys=capsys)


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_is_no_sweep_is_one_sentence(case: str, tmp_path: Path, capsys):
    bad, says = FILES[case]
    refused(bad, says=says, command="run", folder=tmp_path, capsys=capsys)


def refused(
    bad: bytes, *, says: str, command: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, store = folder / "mine.yaml", folder / "store"
    file.write_bytes(bad)
    code = main([command, str(file), "--store", str(store)])
    said = sentence(capsys)
    assert (code, store.exists()) == (2, False)
    assert says in said
    assert said.startswith(f"terrasweep: {file}:")


def test_the_good_file_is_good(tmp_path: Path, capsys):
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD)
    assert main(["plan", str(file), "--store", str(tmp_path / "store")]) == 0
    assert not (tmp_path / "store").exists()
    assert capsys.readouterr().err == ""


def test_all_mistakes_of_a_file_are_told_together(tmp_path: Path, capsys):
    file = tmp_path / "mine.yaml"
    bad = GOOD.replace("tiny", "tinny").replace("- uniform", "- unifrom").replace("[20]", "[x]")
    file.write_text(bad)
    assert main(["plan", str(file), "--store", str(tmp_path / "store")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[2] for line in lines] == ["6", "12", "17"]


def test_of_many_mistakes_the_first_ten_are_told(tmp_path: Path, capsys):
    file = tmp_path / "mine.yaml"
    file.write_text(GOOD.replace("[20]", str(["x"] * 30)))
    assert main(["plan", str(file), "--store", str(tmp_path / "store")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), "20 more" in lines[-1]) == (11, True)


# What stands for SWEEP on the line, and words that the sentence must hold.
SWEEPS = {
    "an unknown name": ("quikstart", "got 'quikstart'. Fix: did you mean 'quickstart'?"),
    "a missing file": ("{here}/none.yaml", "got no such file"),
    "a folder": ("{here}", "got a folder"),
    "a folder named as a file": ("{here}/folder.yaml", "got a folder"),
    "a missing Python file": ("{here}/none.py:SWEEP", "got no such file"),
    "a Python file without a name": ("{here}/mine.py", "write {here}/mine.py:NAME"),
    "a name that is not there": (
        "{here}/mine.py:OTHERS",
        "got no such name. Fix: did you mean 'OTHER'?",
    ),
    "a name that is no sweep": ("{here}/mine.py:NUMBER", "got a int"),
    "a Python file that raises": (
        "{here}/raises.py:SWEEP",
        "got ZeroDivisionError: division by zero in line 2",
    ),
    "a Python file that is none": ("{here}/syntax.py:SWEEP", "got SyntaxError"),
    "a sweep that cannot be": (
        "{here}/cannot.py:SWEEP",
        "Expected a known field of a sweep, got 'seds'",
    ),
}


@pytest.mark.parametrize("case", SWEEPS)
def test_a_bad_sweep_on_the_line_is_one_sentence(case: str, tmp_path: Path, capsys):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "mine.py").write_text(
        "from terrasweep.sweeps.reading.sweep_file import read\nOTHER = read('smoke')\nNUMBER = 3\n"
    )
    (tmp_path / "raises.py").write_text("a = 1\nb = a / 0\n")
    (tmp_path / "syntax.py").write_text("a = (\n")
    (tmp_path / "cannot.py").write_text(
        "from terrasweep.sweeps.reading.sweep_file import read\n"
        "from terrasweep.sweeps.spec.sweep import Sweep\n"
        "good = read('smoke').model_dump()\n"
        "good['seds'] = good.pop('seeds')\n"
        "SWEEP = Sweep(**good)\n"
    )
    name, words = (text.format(here=tmp_path) for text in SWEEPS[case])
    assert main(["run", name, "--store", str(tmp_path / "store")]) == 2
    assert words in sentence(capsys)
    assert not (tmp_path / "store").exists()


def rows(count: int = 300) -> dict[str, np.ndarray]:
    return {
        "id": np.array([f"s{place}" for place in range(count)]),
        "lat": np.linspace(-50, 50, count),
        "lon": np.linspace(-170, 170, count),
        "month": np.zeros(count, dtype=np.uint8),
        "x": np.zeros((count, 12, 18), dtype=np.float32),
        "dynamic_world": np.zeros((count, 12), dtype=np.uint8),
    }


def without(name: str) -> pa.Table:
    return to_table({key: value for key, value in rows().items() if key != name})


def with_(**columns: np.ndarray) -> pa.Table:
    return to_table({**rows(), **columns})


POOLS: dict[str, tuple[pa.Table | bytes | None, str]] = {
    "a missing pool": (None, "got no such file or folder"),
    "a pool that is text": (b"id,lat,lon\n1,2,3\n", "Expected a Parquet file at"),
    "a pool that is empty": (b"", "Expected a Parquet file at"),
    "a pool cut short": (b"PAR1 and no more", "Expected a Parquet file at"),
    "a pool without rows": (to_table(rows()).slice(0, 0), "got no rows"),
    "a pool without pixels": (without("x"), "Expected the columns x"),
    "a pool without ids": (without("id"), "Expected the columns id"),
    "a pool without places": (without("lat"), "Expected the columns lat"),
    "pixels of another shape": (
        with_(x=np.zeros((300, 12, 17), dtype=np.float32)),
        "Expected lists of 216 values (12 x 18) in x",
    ),
    "pixels that are whole numbers": (
        with_(x=np.zeros((300, 12, 18), dtype=np.int16)),
        "Expected floating-point numbers in x",
    ),
    "pixels without months": (with_(x=np.zeros(300)), "got double, no fixed-size list"),
    "months as text": (with_(month=np.array(["may"] * 300)), "Expected whole numbers in month"),
    "places as text": (with_(lat=np.array(["north"] * 300)), "Expected numbers in lat"),
    "a pool that is too small": (
        to_table(rows(150)),
        "Expected 200 samples for composition 'uniform'",
    ),
}


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("case", POOLS)
def test_a_bad_pool_is_one_sentence(case: str, command: str, tmp_path: Path, capsys):
    made, words = POOLS[case]
    pool, store = tmp_path / "pool.parquet", tmp_path / "store"
    if isinstance(made, bytes):
        pool.write_bytes(made)
    elif made is not None:
        pq.write_table(made, pool)
    file = with_pool(tmp_path, f"{{name: parquet, path: {pool}}}")
    assert main([command, str(file), "--store", str(store)]) == 2
    assert words in sentence(capsys)
    assert not store.exists()


def test_a_pool_with_other_content_than_was_said_is_refused(tmp_path: Path, capsys):
    pq.write_table(to_table(rows()), tmp_path / "pool.parquet")
    said = f"{{name: parquet, path: {tmp_path / 'pool.parquet'}, content: 0123456789abcdef}}"
    assert main(["plan", str(with_pool(tmp_path, said)), "--store", str(tmp_path / "s")]) == 2
    content = sentence(capsys).rpartition("content: ")[2].split("`")[0]
    right = with_pool(tmp_path, said.replace("0123456789abcdef", f"'{content}'"))
    assert main(["plan", str(right), "--store", str(tmp_path / "s")]) == 0


def test_a_folder_without_parquet_is_no_pool(tmp_path: Path, capsys):
    (tmp_path / "pool").mkdir()
    file = with_pool(tmp_path, f"{{name: parquet, path: {tmp_path / 'pool'}}}")
    assert main(["plan", str(file), "--store", str(tmp_path / "s")]) == 2
    assert "got no file that ends in .parquet" in sentence(capsys)


def with_pool(folder: Path, pool: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(GOOD.replace("{name: planet, size: 500}", pool))
    return file


STORES: dict[str, tuple[str, str | None, str]] = {
    "of a newer version": ("store", json.dumps({"format": 999}), "newer version"),
    "with a strange sign": ("store", "hello", "did not write"),
    "below a file": ("file/store", None, ""),
    "that is a file": ("file", None, ""),
    "that is a device": ("/dev/null/store", None, ""),
    "of an unknown kind": ("nowhere://store", None, ""),
}


@pytest.mark.parametrize("case", STORES)
def test_a_bad_store_is_one_sentence(case: str, tmp_path: Path, capsys):
    name, sign, words = STORES[case]
    (tmp_path / "file").write_text("precious")
    store = name if ":" in name else str(tmp_path / name)
    if sign is not None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "store.json").write_text(sign)
    before = content_of(tmp_path)
    assert main(["run", "smoke", "--store", store]) == 2
    assert words in sentence(capsys)
    assert content_of(tmp_path) == before


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line on stderr, after a look at its three parts."""
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert "Traceback" not in said.err
    assert re.search(r"Expected .+, got .+\. Fix: .+", line), line
    return line
