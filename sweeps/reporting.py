"""Where the report of a sweep is written: in the store, and for a remote store here as well."""

from pathlib import Path

from dashboards.report import build
from infra.ledger import Ledger
from infra.store import Store
from sweeps.atlas import atlas

FOLDER = "reports"


def write_report(name: str, *, store: Store, out: Path | None = None) -> Path:
    """Build the report of a sweep and return the path of its page on this machine.

    Args:
        name: The sweep, as the ledger knows it.
        store: Where its ledger is.
        out: The folder of the report; left out, it is in the store, and for a store that is not
            on this machine also in `./reports/<name>`.
    """
    if out is not None:
        return build(store, Ledger(store), name, atlas=atlas(), out=out)
    if store.local_root is not None:
        return build(
            store, Ledger(store), name, atlas=atlas(), out=store.local_root / FOLDER / name
        )
    page = build(store, Ledger(store), name, atlas=atlas(), out=Path(FOLDER) / name)
    for path in sorted(page.parent.rglob("*")):
        if path.is_file():
            inside = path.relative_to(page.parent).as_posix()
            store.put(f"{FOLDER}/{name}/{inside}", path.read_bytes())
    return page
