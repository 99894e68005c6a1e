"""Run a sweep, resume it or extend it: always the same command."""

import argparse

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import open_store, with_json, with_sweep

NAME = "run"

COUNTS = {
    "train_workers": "workers that share one pretraining",
    "micro_batch": "samples per pretraining micro-batch; 0: chosen automatically",
    "max_concurrent": "trials that run at the same time; 0: as many as fit",
    "cells_per_bundle": "most cells in one trial; 0: chosen automatically",
}
SHARES = {
    "cpus_per_trial": "CPUs of a finetune trial",
    "gpus_per_trial": "GPUs of a finetune trial",
    "cpus_per_train_worker": "CPUs of a pretraining worker",
    "gpus_per_train_worker": "GPUs of a pretraining worker",
    "save_every_s": "seconds between savepoints of a pretraining; 0: after every step",
}
RETRIES = {
    "memory": "retries after out-of-memory, with half the batch",
    "store": "retries after the store could not be read or written",
    "lost": "retries after a worker was lost",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments; none of them can change a result."""
    with_sweep(parser)
    with_json(parser)
    address = "address of a running Ray cluster; `auto` inside a Ray job"
    parser.add_argument("--address", metavar="HOST:PORT", help=address)
    with_resources(parser)
    parser.add_argument(
        "--log", metavar="FILE", help="write one line of JSON per key to a file, or to - (stdout)"
    )


def with_resources(parser: argparse.ArgumentParser) -> None:
    """Add where MLflow mirrors to and what steps may use; `submit` takes the same."""
    parser.add_argument(
        "--tracking",
        metavar="URI",
        help="URI of the MLflow server or database",
    )
    parser.add_argument(
        "--retry-failed", action="store_true", help="retry what failed for good in an earlier run"
    )
    retries = parser.add_argument_group("retries")
    for name, text in RETRIES.items():
        retries.add_argument(f"--retry-{name}", type=_count, metavar="N", help=text)
    retries.add_argument(
        "--retry-pause-s",
        type=_share,
        metavar="N",
        help="seconds before the first retry; doubled for each one after",
    )
    resources = parser.add_argument_group("resources")
    for name, text in SHARES.items():
        resources.add_argument(f"--{name.replace('_', '-')}", type=_share, metavar="N", help=text)
    for name, text in COUNTS.items():
        resources.add_argument(f"--{name.replace('_', '-')}", type=_count, metavar="N", help=text)
    resources.add_argument(
        "--compile",
        action="store_true",
        help="compile networks with torch.compile before pretraining",
    )


def run(args: argparse.Namespace) -> int:
    """Run the sweep and say where its report is; the exit code is 1 if cells are missing."""
    from terrasweep.sweeps.plan.pool_checks import (
        check_pools,  # local: the parsing of the line stays fast
    )
    from terrasweep.sweeps.reading.sweep_file import read

    sweep = read(args.sweep)
    check_pools(sweep)
    store = open_store(args, create=True)
    from rich.console import Console

    from terrasweep.infra.context import Resources, Retries
    from terrasweep.infra.telemetry import logs
    from terrasweep.sweeps.engine.run import run as run_sweep

    resources = {name: getattr(args, name) for name in (*COUNTS, *SHARES)}
    retries = {name: getattr(args, f"retry_{name}") for name in (*RETRIES, "pause_s")}
    given = {name: value for name, value in resources.items() if value is not None}
    with logs.written_to(args.log):
        outcome = run_sweep(
            sweep,
            store=store,
            resources=Resources(**given, compile=args.compile),
            retries=Retries(
                **{name: value for name, value in retries.items() if value is not None}
            ),
            retry_failed=args.retry_failed,
            address=args.address,
            tracking=args.tracking,
            console=Console(stderr=True),
        )
    if args.json:
        output.as_json(vars(outcome))
    return 1 if outcome.failures else 0


def resource_options(args: argparse.Namespace) -> list[str]:
    """Return what `with_resources` took, as words of a command line."""
    retries = [f"retry_{name}" for name in (*RETRIES, "pause_s")]
    options = {name: getattr(args, name) for name in ("tracking", *SHARES, *COUNTS, *retries)}
    words = [
        f"--{name.replace('_', '-')}={value}"
        for name, value in options.items()
        if value is not None
    ]
    flags = {"--compile": args.compile, "--retry-failed": args.retry_failed}
    return [*words, *(flag for flag, is_set in flags.items() if is_set)]


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a number of at least 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of at least 0")
    return value
