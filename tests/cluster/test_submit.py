"""A sweep handed to a real cluster of two nodes from outside: followed, cancelled, finished."""

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

import pytest

from terrasweep.infra.install import import_root
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from tests.support.heads import Head, head, node

pytestmark = [pytest.mark.ray, pytest.mark.slow_by_nature]

TOKEN = "a" * 64
SWEEP = "smoke"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Head]:
    with (
        TemporaryDirectory(dir="/tmp", prefix="ts-") as here,
        TemporaryDirectory(dir="/tmp", prefix="ts-") as there,
        head(TOKEN, Path(here), dashboard=True) as one,
        node(one, Path(there)),
    ):
        yield one


def terrasweep(*words: str, at: Head, **env: str) -> "subprocess.Popen[str]":
    bare = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "terrasweep", *words, "--address", at.dashboard],
        env={**bare, "PYTHONPATH": str(import_root()), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(*words: str, at: Head, **env: str) -> tuple[int, str]:
    command = terrasweep(*words, at=at, **env)
    out, err = command.communicate(timeout=300)
    return command.returncode, out + err


def figures(at: Head) -> set[str]:
    """Return the names of all that Prometheus would find."""
    text = urlopen(at.figures).read().decode()
    return {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line[:1] != "#"}


def test_a_sweep_is_submitted_followed_cancelled_and_finished(cluster, tmp_path):
    right = {"RAY_AUTH_TOKEN": TOKEN}
    store = str(tmp_path / "store")
    code, said = told("submit", SWEEP, "--store", store, at=cluster, **right)
    assert (code, "smoke-1 is" in said) == (0, True), said

    follower = terrasweep("logs", SWEEP, "--follow", at=cluster, **right)
    assert follower.stdout is not None
    seen = []
    for line in follower.stdout:
        seen.append(line)
        if "pretrain" in line or "encode" in line:
            break
    assert any("shard" in line for line in seen), follower.communicate()

    code, said = told("cancel", SWEEP, at=cluster, **right)
    assert (code, "smoke-1 is stopped" in said) == (0, True), said
    rest, _ = follower.communicate(timeout=120)
    assert "stopped; finished work is kept, continue with `terrasweep run smoke" in rest
    assert follower.returncode == 1

    code, said = told("submit", SWEEP, "--store", store, at=cluster, **right)
    assert (code, "smoke-2 is" in said) == (0, True), said
    code, said = told("logs", SWEEP, "--follow", at=cluster, **right)
    assert (code, "smoke-2: succeeded, exit code 0" in said) == (0, True), said

    code, said = told("status", SWEEP, "--json", at=cluster, **right)
    found = json.loads(said)
    assert [job["state"] for job in found["jobs"]] == ["stopped", "succeeded"]
    assert all(row["done"] == row["planned"] for row in found["coverage"])
    assert Ledger(Store.open(store, create=False)).truth().num_rows == 24
    counted = ("cells_done", "steps_done", "bytes")
    assert {f"ray_terrasweep_{name}_total" for name in counted} <= figures(cluster)


def test_a_wrong_or_missing_token_is_answered_with_what_to_set(cluster, tmp_path):
    wrong = told("submit", SWEEP, "--store", "/s", at=cluster, RAY_AUTH_TOKEN="b" * 64)
    missing = told("logs", SWEEP, at=cluster, HOME=str(tmp_path))
    for code, said in (wrong, missing):
        assert code == 2
        assert "RAY_AUTH_MODE=token and RAY_AUTH_TOKEN" in said
        assert "Traceback" not in said
    assert "does not accept the token at hand" in wrong[1]
    assert "no token at hand" in missing[1]


def test_a_head_whose_agent_has_no_port_is_told_what_to_set(tmp_path):
    with (
        socket.create_server(("", 0)) as taken,
        TemporaryDirectory(dir="/tmp", prefix="ts-") as home,
        head(TOKEN, Path(home), dashboard=True, agent_port=taken.getsockname()[1]) as deaf,
    ):
        code, said = told("submit", SWEEP, "--store", "/s", at=deaf, RAY_AUTH_TOKEN=TOKEN)
    assert code == 2, said
    assert "start the head with --dashboard-agent-listen-port=0" in said
    assert "Traceback" not in said
