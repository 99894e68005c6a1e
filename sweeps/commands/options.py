"""Options that several commands share, and the store that they lead to."""

import argparse
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from terrasweep.infra.errors import StoreError, UserError, nearest

if TYPE_CHECKING:  # pyarrow would make the front door heavy
    from terrasweep.infra.storage.ledger import Ledger
    from terrasweep.infra.storage.store import Store

STORE_ENV = "TERRASWEEP_STORE"
DEFAULT_STORE = "./terrasweep-store"

SWEEP_HELP = "a name from the catalogue, a YAML file, or file.py:NAME"


class Parser(argparse.ArgumentParser):
    """A parser whose errors are sentences with three parts, like all others."""

    def error(self, message: str) -> NoReturn:
        fix = f"`{self.prog} --help` lists the arguments"
        raise UserError("valid arguments", got=message, fix=fix)

    def _check_value(self, action: argparse.Action, value: object) -> None:
        choices: Iterable[Any] | None = action.choices
        if choices is not None and value not in choices:
            known = [str(choice) for choice in choices]
            what = "a command" if self.prog == "terrasweep" else f"a part of `{self.prog}`"
            raise UserError(f"{what}", got=repr(value), fix=nearest(str(value), known))


def shared() -> Parser:
    """Return a parser with the options that every command takes, before or after its name."""
    parser = Parser(add_help=False, allow_abbrev=False)
    suppress = argparse.SUPPRESS  # else the command's default would undo what stood before it
    parser.add_argument(
        "--store",
        metavar="URI",
        default=suppress,
        help=f"the store: a path, s3:// or gs:// (default: {STORE_ENV}, or {DEFAULT_STORE})",
    )
    parser.add_argument(
        "--debug", action="store_true", default=suppress, help="print the traceback of an error"
    )
    return parser


def with_json(parser: argparse.ArgumentParser) -> None:
    """Add the option that prints tables as JSON."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def with_sweep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("sweep", metavar="SWEEP", help=SWEEP_HELP)


def named_store(args: argparse.Namespace) -> str | None:
    """Return where the store is, as given on the command line or in the environment."""
    return getattr(args, "store", None) or os.environ.get(STORE_ENV) or None


def store_uri(args: argparse.Namespace) -> str:
    """Return where the store is: the named one, or the default."""
    return named_store(args) or DEFAULT_STORE


def open_store(args: argparse.Namespace, *, create: bool) -> "Store":
    """Open the store; without ``create`` nothing is ever written.

    Raises:
        StoreError: If it cannot be opened, or a file stands where its folder should be.
    """
    from terrasweep.infra.storage.store import Store  # local: keeps the front door light

    store = Store.open(store_uri(args), create=create)
    if store.local_root is not None and store.local_root.is_file():
        expected = f"a store at {store.local_root}"
        raise StoreError(expected, got="a file", fix="name a folder with --store")
    return store


def planned_name(text: str, *, ledger: "Ledger") -> str:
    """Return the name under which a ledger holds a sweep; its file need not exist any more.

    Raises:
        SpecError: If it is neither in the ledger nor a sweep that can be read.
        StoreError: If it can be read, but was never planned here.
    """
    if text in ledger.plans():
        return text
    from terrasweep.sweeps.reading.sweep_file import read  # local: keeps the front door light

    name = read(text).name
    ledger.plan(name)
    return name
