"""A sweep on a cluster with many faults leaves the same rows as a sweep without them.

    PYTHONPATH=. python benchmarks/chaos.py [--rounds 50] [--first 0] [--json]

A Ray cluster of three raylets, an S3 server and an MLflow server run on this machine. Every round
starts a sweep with one new composition, and kills something at a random moment: the driver, a
worker, a raylet, the MLflow server or the connection to S3. Or it starts a second driver. In one
round the disk is full, and in one the clock jumps by a day. Then the same command runs again until
it succeeds. Its rows must equal those of an undisturbed run, one by one; no file may be damaged, no
worker may still run, and no placement group may be left. The number of a round fixes its random
moments, so `--first 20 --rounds 10` runs rounds 20 to 29 of the same series.

The full disk needs the right to mount, and the clock needs a C compiler. If one is missing, the
script says so.
"""

import argparse
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.parts.targets import Target, at_least, at_most, report
from terrasweep.infra.seeds import generator
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from tests.support.chaos_rows import equal, placement_groups, written
from tests.support.heads import free_port
from tests.support.ray_town import Town, driver, kill, kill_all, town, wait_for

LONGEST_S = 240.0
ATTEMPTS = 4
SERIES = (
    "driver", "worker", "raylet", "s3", "driver", "two drivers", "disk", "worker", "mlflow",
    "clock", "driver", "raylet",
)  # fmt: skip
"""What is done in each round; the disk and the clock have their turn in the first series only."""
FRESH_EVERY = 5
"""Rounds until a round starts from an empty store."""
SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t which, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int told = real(which, now);
  const char *sign = getenv("CHAOS_CLOCK");
  if (which == CLOCK_REALTIME && sign && access(sign, F_OK) == 0) now->tv_sec -= 86400;
  return told;
}
"""


@dataclass
class Chaos:
    """A series of rounds in one town."""

    town: Town
    truth: pa.Table
    stack: ExitStack
    took_s: float = 15.0
    """How long a round takes that nobody disturbs."""
    counts: Counter[str] = field(default_factory=Counter)
    equal: int = 0
    left: int = 0
    s3: str = ""

    def round(self, number: int, what: str) -> None:
        """Disturb a run, type the command until it ends well, and compare."""
        draw = generator("chaos", number)
        sweep = written(self.town.home / f"round-{number}.yaml", [number])
        fresh = f"-{number}" if number % FRESH_EVERY == 0 else ""
        store = f"{self.s3 or self._open_s3()}/store{fresh}" if what == "s3" else ""
        store = store or str(self.town.home / f"store{fresh}")
        started = time.monotonic()
        getattr(self, f"_{what.replace(' ', '_')}")(draw, sweep, store)
        self.counts[what] += 1
        same = equal(sweep, truth=self.truth, store=store, town=self.town)
        self.equal += same
        self.left += self._left()
        took = time.monotonic() - started
        print(f"round {number}: {what}, {took:.0f} s, {'equal' if same else 'UNEQUAL'}", flush=True)

    def finish(self, sweep: Path, store: str) -> None:
        """Type the command until it ends well."""
        for _ in range(ATTEMPTS):
            if driver(self.town, sweep, store=store).wait(timeout=LONGEST_S) == 0:
                return
            time.sleep(1)
        raise TimeoutError(f"{sweep} did not end well: see {self.town.home}/driver.log")

    def disturbed(
        self,
        draw: np.random.Generator,
        sweep: Path,
        store: str,
        harm: Callable[["subprocess.Popen[bytes]"], None],
        **more: str,
    ) -> None:
        """Start a run, do harm at a random moment, wait for its end, and finish."""
        env = {"env": {"LD_PRELOAD": more.pop("preload"), **more}} if "preload" in more else more
        run = driver(self.town, sweep, store=store, **env)  # type: ignore[arg-type]
        time.sleep(float(draw.uniform(0, self.took_s)))
        harm(run)
        run.wait(timeout=LONGEST_S)
        self.finish(sweep, store)

    def _driver(self, draw: np.random.Generator, sweep: Path, store: str) -> None:
        self.disturbed(draw, sweep, store, kill)

    def _worker(self, draw: np.random.Generator, sweep: Path, store: str) -> None:
        def harm(run: object) -> None:
            at_work = sorted(self.town.workers(), key=lambda one: one.pid)
            if at_work:
                kill(at_work[int(draw.integers(len(at_work)))])

        self.disturbed(draw, sweep, store, harm)

    def _raylet(self, draw: np.random.Generator, sweep: Path, store: str) -> None:
        place = int(draw.integers(self.town.num_nodes))
        self.disturbed(draw, sweep, store, lambda run: self.town.kill_raylet(place))

    def _two_drivers(self, draw: np.random.Generator, sweep: Path, store: str) -> None:
        second: list[subprocess.Popen[bytes]] = []
        start = lambda run: second.append(driver(self.town, sweep, store=store))  # noqa: E731
        self.disturbed(draw, sweep, store, start)
        assert second[0].wait(timeout=LONGEST_S) == 0

    def _s3(self, draw: np.random.Generator, sweep: Path, store: str) -> None:
        def harm(run: object) -> None:
            self.town.kill_door()
            time.sleep(2)
            self.town.open_door()

        self.disturbed(draw, sweep, store, harm)

    def _mlflow(self, draw: np.random.Generator, sweep: Path, store: str) -> None:
        port = free_port()
        database = f"sqlite:///{self.town.home}/mlflow.db"
        line = ("server", "--backend-store-uri", database, "--port", str(port), "--workers", "1")
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *line, "--host", "127.0.0.1"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.town.home,
        )
        self.stack.callback(kill_all, server)
        time.sleep(8)
        uri = f"http://127.0.0.1:{port}"
        self.disturbed(draw, sweep, store, lambda run: kill_all(server), tracking=uri)

    def _disk(self, draw: np.random.Generator, sweep: Path, store: str) -> None:
        full = self.town.home / "small"
        full.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(full)]
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            self._skip("disk", "no right to mount")
            return self.finish(sweep, store)
        self.stack.callback(subprocess.run, ["umount", "-l", str(full)], check=False)

        def harm(run: object) -> None:
            with (full / "ballast").open("wb", buffering=0) as ballast:
                try:
                    while ballast.write(bytes(1 << 12)):
                        pass
                except OSError:
                    pass  # full
            time.sleep(3)
            (full / "ballast").unlink()

        small = str(full / "store")
        self.disturbed(draw, sweep, small, harm)
        assert equal(sweep, truth=self.truth, store=small, town=self.town)
        return self.finish(sweep, store)

    def _clock(self, draw: np.random.Generator, sweep: Path, store: str) -> None:
        shim, sign = self.town.home / "shim.so", self.town.home / "yesterday"
        if shutil.which("cc") is None:
            self._skip("clock", "no C compiler")
            return self.finish(sweep, store)
        source = shim.with_suffix(".c")
        source.write_text(SHIM)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
        how = {"preload": str(shim), "CHAOS_CLOCK": str(sign)}
        self.disturbed(draw, sweep, store, lambda run: sign.touch(), **how)
        return sign.unlink()

    def _skip(self, what: str, why: str) -> None:
        self.counts[what] -= 1
        print(f"not shown here: {what}: {why}")

    def _open_s3(self) -> str:
        self.s3 = self.town.start_s3(self.stack)
        return self.s3

    def _left(self) -> int:
        """Return how many workers are still at something, some time after the last driver."""
        try:
            wait_for(lambda: not self.town.workers(), seconds=60)
        except TimeoutError:
            return len(self.town.workers())
        return 0


def undisturbed(town: Town, rounds: Sequence[int]) -> pa.Table:
    """Return the rows of all rounds, of one run that nobody disturbs."""
    store = str(town.home / "undisturbed")
    sweep = written(town.home / "all.yaml", rounds)
    assert driver(town, sweep, store=store).wait(timeout=20 * LONGEST_S) == 0, "see driver.log"
    return Ledger(Store.open(store, create=False)).truth()


def measured(rounds: Sequence[int]) -> list[Target]:
    """Do rounds, and say what came of them."""
    with town() as built, ExitStack() as stack:
        started = time.monotonic()
        chaos = Chaos(built, undisturbed(built, rounds), stack)
        print(f"undisturbed: {time.monotonic() - started:.0f} s", flush=True)
        for number in rounds:
            what = SERIES[number % len(SERIES)]
            is_later = number >= len(SERIES) and what in ("disk", "clock")
            chaos.round(number, "driver" if is_later else what)
        groups = placement_groups(built)
    print(", ".join(f"{number} {what}" for what, number in chaos.counts.most_common()))
    return [
        at_least("rounds that ended with the rows of an undisturbed run", chaos.equal, len(rounds)),
        at_most("workers still running", chaos.left, 0),
        at_most("placement groups left", groups, 0),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    rounds = range(args.first, args.first + args.rounds)
    return report(measured(rounds), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
