"""The command line: `terrasweep COMMAND`, light until a command is chosen.

A user's error is one sentence on stderr and exit code 2; --debug adds the traceback.
"""

import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from terrasweep.infra.cluster import connection
from terrasweep.infra.cluster.shutdown import StopSignal, process_signal
from terrasweep.infra.errors import TerrasweepError
from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import Parser, shared

COMMANDS = {
    "plan": "show what would run and what is there already; costs nothing",
    "run": "run, resume or extend a sweep: always the same command",
    "submit": "run a sweep as a job on a cluster; logs, status and cancel follow it",
    "logs": "print the output of the job of a sweep",
    "cancel": "stop the jobs of a sweep; finished work is kept",
    "status": "show how much is planned, done and failed, and why",
    "report": "write the HTML report and CSV tables again, from the ledger alone",
    "explain": "show what a key stands for, what it needs, and why it is new",
    "mirror": "copy to MLflow what the ledger has and MLflow lacks",
    "ui": "serve the MLflow pages of a store",
    "spec": "check a sweep file, or print its schema",
    "composition": "list the compositions of the catalogue; draw, show and export those of a sweep",
    "pool": "prepare a pool, and audit it before you draw from it",
    "checkpoint": "import weights that others published",
    "encode": "compute features of a file of arrays, with any checkpoint",
    "deploy": "write files for Kubernetes, AWS, Google, Slurm and MLflow, from one small file",
    "doctor": "check whether this machine can run a sweep",
}
MODULES = {"spec": "check"}
"""Commands whose module has another name: `spec` modules are specs, here as everywhere."""

INTERRUPTED = 130
STOPPED = 143
PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None, *, stop: StopSignal | None = None) -> int:
    """Run one command and return its exit code."""
    line = list(sys.argv[1:] if argv is None else argv)
    stop = stop or process_signal()
    try:
        with stop.handle_sigterm():
            return _run(line, stop)
    except TerrasweepError as error:
        if "--debug" in line:
            traceback.print_exc()
        output.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        event, code = ("stopped", STOPPED) if stop.was_received else ("interrupted", INTERRUPTED)
        again = shlex.join(["terrasweep", *line])
        output.complain(f"{event}; finished work is kept, continue with `{again}`")
        return code
    except BrokenPipeError:
        # Nobody reads our output any more; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def door() -> NoReturn:
    """Run the command that this process was started for, and end the process.

    Threads that still wait in Ray end with it: Python's own exit shuts Ray down under them.
    """
    stop = process_signal()
    stop.exits_afterwards = True
    code = main(stop=stop)
    if stop.leaves_ray_threads():
        sys.stdout.flush()
        sys.stderr.flush()
        connection.kill_local_ray()
        os._exit(code)
    sys.exit(code)


def _run(line: list[str], stop: StopSignal) -> int:
    args = parser(line).parse_args(line)
    module = import_module(f"terrasweep.sweeps.commands.{MODULES.get(args.command, args.command)}")
    stop.raise_if_stopped()  # an import may have dropped the exception
    code: int = module.run(args)
    sys.stdout.flush()
    return code


def parser(line: Sequence[str] = ()) -> Parser:
    """Return the parser; only the commands that the line names are imported."""
    top = Parser(
        prog="terrasweep",
        parents=[shared()],
        allow_abbrev=False,
        description="Which places on Earth should a geospatial foundation model be pretrained on?",
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name, help=text, description=text, parents=[shared()], allow_abbrev=False
        )
        if not line or name in line:
            import_module(f"terrasweep.sweeps.commands.{MODULES.get(name, name)}").add(command)
    return top
