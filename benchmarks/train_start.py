"""What one run of Ray Train costs in addition to its training, and whether two runs overlap it.

    PYTHONPATH=. python benchmarks/train_start.py [--json]

A training that does nothing goes through Ray Train with our settings: alone, then two at once in
threads of their own, as a sweep starts them. Ray is started and its workers are warm by then. Local
Ray is configured with four CPUs, whatever the machine has, so that two runs fit beside each other.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import psutil
import ray.train
import ray.train.torch

from benchmarks.parts.targets import Target, at_most, report
from terrasweep.infra.cluster import connection

CPUS = 4
LOOK_EVERY_S = 0.1
LONGEST_NAME = 40


@dataclass(frozen=True)
class Took:
    """Seconds of one run."""

    before: float
    """Until the training function was called."""
    after: float
    """From its end to the driver going on."""
    whole: float


def note(config: dict[str, str]) -> None:
    """Do nothing but note when."""
    Path(config["at"]).write_text(str(time.time()))


def one_run(_: int = 0) -> Took:
    """Run a training that does nothing."""
    with tempfile.TemporaryDirectory() as home:
        at = Path(home) / "at"
        trainer = ray.train.torch.TorchTrainer(
            cast("Callable[[dict[str, str]], None]", note),
            train_loop_config={"at": str(at)},
            scaling_config=ray.train.ScalingConfig(num_workers=1),
            run_config=ray.train.RunConfig(storage_path=home),
        )
        started = time.time()
        trainer.fit()
        ended, called = time.time(), float(at.read_text())
    return Took(called - started, ended - called, ended - started)


def processor_s(running: Future[Took]) -> list[tuple[float, str]]:
    """Return what each process that begins while a run lasts takes of the processor."""
    there = set(psutil.Process().children(recursive=True))
    spent: dict[int, tuple[float, str]] = {}
    while not running.done():
        for process in set(psutil.Process().children(recursive=True)) - there:
            with suppress(psutil.Error):
                times, name = process.cpu_times(), " ".join(process.cmdline()).strip()
                spent[process.pid] = (times.user + times.system, name[:LONGEST_NAME])
        time.sleep(LOOK_EVERY_S)
    return sorted(spent.values(), reverse=True)


def measured() -> list[Target]:
    """Measure one run, and two at once."""
    with connection.connect(cpus=CPUS), ThreadPoolExecutor(2) as threads:
        threads.submit(one_run).result()  # the first imports what it needs
        running = threads.submit(one_run)
        spent, alone = processor_s(running), running.result()
        print(
            f"one run: {alone.before:.1f} s until it trains, {alone.after:.1f} s after it",
            file=sys.stderr,
        )
        for seconds, name in spent:
            print(f"  {seconds:.1f} s of processor time: {name}", file=sys.stderr)
        started = time.time()
        list(threads.map(one_run, range(2)))
        both = time.time() - started
    print(f"two at once: {both:.1f} s", file=sys.stderr)
    return [
        at_most("s of one run of Ray Train that does nothing", alone.whole, 15),
        at_most("two runs at once, over one", both / alone.whole, 1.7),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    return report(measured(), as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
