"""The same as `run`, as a job on a cluster."""

import argparse
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from terrasweep.infra.errors import StoreError
from terrasweep.sweeps.commands import job, output
from terrasweep.sweeps.commands.options import STORE_ENV, named_store, with_json, with_sweep
from terrasweep.sweeps.commands.run import resource_options, with_resources

if TYPE_CHECKING:
    from terrasweep.sweeps.spec.sweep import Sweep

NAME = "submit"
ASKED = "asked"
"""The folder of the sweep's file, beside the rooms in what travels."""


def add(parser: argparse.ArgumentParser) -> None:
    with_sweep(parser)
    with_json(parser)
    job.with_address(parser)
    with_resources(parser)


def run(args: argparse.Namespace) -> int:
    """Hand the sweep to the cluster, and say how to follow it."""
    from terrasweep.infra.cluster import jobs  # local: the parsing of the line stays fast
    from terrasweep.sweeps.reading.sweep_file import read

    sweep, store = read(args.sweep), _shared_store(args)
    there = job.reach(args)
    with tempfile.TemporaryDirectory(prefix="submit-") as folder:
        jobs.pack(Path(folder))
        file = _copy_sweep_file(args.sweep, folder=Path(folder))
        command = _command(file, store=store, options=resource_options(args))
        submitted = there.submit(sweep.name, command=command, folder=Path(folder), store=store)
    if args.json:
        output.as_json(vars(submitted))
        return 0
    where = f"--address {there.address}"
    output.say(f"{submitted.name} is {submitted.state}; its store is {store}")
    _print_next_commands(sweep, where=where)
    return 0


def _print_next_commands(sweep: "Sweep", *, where: str) -> None:
    output.say(f"follow it:  terrasweep logs {sweep.name} --follow {where}")
    output.say(f"look at it: terrasweep status {sweep.name} {where}")
    output.say(f"stop it:    terrasweep cancel {sweep.name} {where}")


def _shared_store(args: argparse.Namespace) -> str:
    """Return the store that the cluster is to use; a path must mean the same there.

    Raises:
        StoreError: If none is named: a folder beside the job would go with it.
    """
    uri = named_store(args)
    if uri is None:
        raise StoreError(
            "a store that every node of the cluster reaches",
            got="none named",
            fix=f"name one with --store or in {STORE_ENV}: s3://, gs://, or a shared folder",
        )
    return uri if "://" in uri else str(Path(uri).expanduser().absolute())


def _copy_sweep_file(text: str, *, folder: Path) -> str:
    """Copy the sweep's file into what travels; return what names it there."""
    file, colon, attribute = text.rpartition(":")
    path = Path(file if file.endswith(".py") else text)
    if not path.is_file():
        return text  # of the catalogue, which travels with the rooms
    (folder / ASKED).mkdir()
    shutil.copy(path, folder / ASKED / path.name)
    return f"{ASKED}/{path.name}" + (f"{colon}{attribute}" if file.endswith(".py") else "")


def _command(file: str, *, store: str, options: list[str]) -> str:
    from terrasweep.infra.telemetry.provenance import COMMIT_ENV, commit  # local: see above

    words = ["python", "-m", "terrasweep", "run", file, "--store", store, *options]
    return f'{COMMIT_ENV}={commit()} {shlex.join(words)} --address "$RAY_ADDRESS"'
