"""The command line: `terrasweep COMMAND`, light until a command is chosen.

An error of the user is one sentence on stderr and exit code 2; a traceback comes with --debug only.
"""

import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from terrasweep.infra.cluster import connection, shutdown
from terrasweep.infra.errors import TerrasweepError
from terrasweep.sweeps.commands import output
from terrasweep.sweeps.commands.options import Parser, shared

COMMANDS = {
    "plan": "what would run and what is made already; spends nothing",
    "run": "do it, resume it, extend it: always the same command",
    "submit": "the same as a job on a cluster; logs, status and cancel follow it",
    "logs": "what the job of a sweep tells",
    "cancel": "stop the jobs of a sweep; what is finished is kept",
    "status": "coverage: planned, done, failed and why",
    "report": "the HTML report and CSV tables again, from the ledger alone",
    "explain": "what a key is, what it needs, why it is new",
    "mirror": "bring MLflow up to the ledger",
    "ui": "open the MLflow pages of a store",
    "spec": "check a sweep file, or print its schema",
    "composition": "the compositions of the catalogue; those of a sweep drawn, shown, exported",
    "pool": "make a pool ready, and audit it before one draws from it",
    "checkpoint": "take in weights that others published",
    "encode": "features of a file of arrays, with any checkpoint",
    "deploy": "files for Kubernetes, AWS, Google, Slurm and MLflow, from one small file",
    "doctor": "whether this machine can run a sweep",
}
MODULES = {"spec": "check"}
"""Commands whose module has another name: `spec` modules are specs, here as everywhere."""

INTERRUPTED = 130
STOPPED = 143
PIPE_CLOSED = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    line = list(sys.argv[1:] if argv is None else argv)
    try:
        with shutdown.on_sigterm():
            return _run(line)
    except TerrasweepError as error:
        if "--debug" in line:
            traceback.print_exc()
        output.complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        asked = shutdown.was_asked()
        told, code = ("stopped", STOPPED) if asked else ("interrupted", INTERRUPTED)
        again = shlex.join(["terrasweep", *line])
        output.complain(f"{told}; what was finished is kept, go on with `{again}`")
        return code
    except BrokenPipeError:
        # Whoever read us has gone; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED


def door() -> NoReturn:
    """Run the command that this process was started for, and end the process.

    Threads that still wait in Ray go with it: Python's own way out shuts Ray down under them.
    """
    shutdown.process_ends()
    code = main()
    if shutdown.guests_are_left():
        sys.stdout.flush()
        sys.stderr.flush()
        connection.dismiss()
        os._exit(code)
    sys.exit(code)


def _run(line: list[str]) -> int:
    args = parser(line).parse_args(line)
    module = import_module(f"terrasweep.sweeps.commands.{MODULES.get(args.command, args.command)}")
    code: int = module.run(args)
    sys.stdout.flush()
    return code


def parser(line: Sequence[str] = ()) -> Parser:
    """Return the parser; of the commands only those that the line names are imported."""
    made = Parser(
        prog="terrasweep",
        parents=[shared()],
        allow_abbrev=False,
        description="Which places on Earth should a geospatial foundation model be pretrained on?",
    )
    commands = made.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name, help=text, description=text, parents=[shared()], allow_abbrev=False
        )
        if not line or name in line:
            import_module(f"terrasweep.sweeps.commands.{MODULES.get(name, name)}").add(command)
    return made
