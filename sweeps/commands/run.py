"""Do it, resume it, extend it: always the same command."""

import argparse

from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import open_store, with_json, with_sweep

NAME = "run"

COUNTS = {
    "train_workers": "workers that share one pretraining",
    "micro_batch": "samples that pass a network together in pretraining; 0: as is best",
    "max_concurrent": "trials at a time; 0: as many as fit",
    "cells_per_bundle": "most cells in one trial; 0: as is best",
}
SHARES = {
    "cpus_per_trial": "CPUs of a finetune trial",
    "gpus_per_trial": "GPUs of a finetune trial",
    "cpus_per_train_worker": "CPUs of a pretraining worker",
    "gpus_per_train_worker": "GPUs of a pretraining worker",
    "save_every_s": "seconds between savepoints of a pretraining; 0: after every step",
}
RETRIES = {
    "memory": "times that what ran out of memory is begun anew, in smaller parts",
    "store": "times that what could not read or write the store is begun anew",
    "lost": "times that what lost its worker is begun anew",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Say what the command takes; nothing of it can change a result."""
    with_sweep(parser)
    with_json(parser)
    address = "a running Ray cluster; auto within a job of one"
    parser.add_argument("--address", metavar="HOST:PORT", help=address)
    with_resources(parser)
    parser.add_argument(
        "--log", metavar="FILE", help="a line of JSON for each key, to a file or to - (stdout)"
    )


def with_resources(parser: argparse.ArgumentParser) -> None:
    """Add where MLflow mirrors to and what steps may use; `submit` takes the same."""
    parser.add_argument("--tracking", metavar="URI", help="where MLflow mirrors to")
    parser.add_argument(
        "--retry-failed", action="store_true", help="try once more what failed for good before"
    )
    retries = parser.add_argument_group("retries")
    for name, text in RETRIES.items():
        retries.add_argument(f"--retry-{name}", type=_count, metavar="N", help=text)
    retries.add_argument(
        "--retry-pause-s", type=_share, metavar="N", help="seconds before the first; then doubled"
    )
    resources = parser.add_argument_group("resources")
    for name, text in SHARES.items():
        resources.add_argument(f"--{name.replace('_', '-')}", type=_share, metavar="N", help=text)
    for name, text in COUNTS.items():
        resources.add_argument(f"--{name.replace('_', '-')}", type=_count, metavar="N", help=text)
    resources.add_argument(
        "--compile", action="store_true", help="compile networks before they are pretrained"
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

    said = {name: getattr(args, name) for name in (*COUNTS, *SHARES)}
    again = {name: getattr(args, f"retry_{name}") for name in (*RETRIES, "pause_s")}
    given = {name: value for name, value in said.items() if value is not None}
    with logs.written_to(args.log):
        outcome = run_sweep(
            sweep,
            store=store,
            resources=Resources(**given, compile=args.compile),
            retries=Retries(**{name: value for name, value in again.items() if value is not None}),
            retry_failed=args.retry_failed,
            address=args.address,
            tracking=args.tracking,
            console=Console(stderr=True),
        )
    if args.json:
        output.as_json(vars(outcome))
    return 1 if outcome.failures else 0


def said_of_resources(args: argparse.Namespace) -> list[str]:
    """Return what `with_resources` took, as it is said on a line."""
    retries = [f"retry_{name}" for name in (*RETRIES, "pause_s")]
    said = {name: getattr(args, name) for name in ("tracking", *SHARES, *COUNTS, *retries)}
    words = [
        f"--{name.replace('_', '-')}={value}" for name, value in said.items() if value is not None
    ]
    flags = {"--compile": args.compile, "--retry-failed": args.retry_failed}
    return [*words, *(flag for flag, is_said in flags.items() if is_said)]


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of at least 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is no whole number of at least 0")
    return value
