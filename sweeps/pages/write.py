"""Where pages are written: in the store, and for a remote store here as well."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import numpy as np

from terrasweep.dashboards.cards import page as card_page
from terrasweep.dashboards.html.maps import Atlas, Tile
from terrasweep.dashboards.report import build as report_page
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.samplers.audit.audit import MAP_RESOLUTION
from terrasweep.samplers.geography.cell_polygons import polygons, rings
from terrasweep.samplers.geography.cells import parents
from terrasweep.samplers.geography.outlines import rings as outlines
from terrasweep.sweeps.pages.cards import Cards

REPORTS = "reports"
CARDS = "cards"


def write_report(name: str, *, store: Store, out: Path | None = None) -> Path:
    """Build the report of a sweep and return the path of its page on this machine.

    Args:
        name: The sweep, as the ledger knows it.
        store: Where its ledger is.
        out: The folder of the report; left out, it is in the store, and for a store that is not
            on this machine also in `./reports/<name>`.
    """

    def build(folder: Path) -> Path:
        return report_page.build(store, Ledger(store), name, atlas=atlas(), out=folder)

    return _build_page(f"{REPORTS}/{name}", build, store=store, out=out)


def write_cards(cards: Cards, *, store: Store, out: Path | None = None) -> Path:
    """Build the page of cards and return its path on this machine; `out` as for a report."""

    def build(folder: Path) -> Path:
        return card_page.build(card_page.PageData(**vars(cards)), atlas=atlas(), out=folder)

    return _build_page(f"{CARDS}/{cards.title}", build, store=store, out=out)


def _build_page(
    inside: str, build: Callable[[Path], Path], *, store: Store, out: Path | None
) -> Path:
    if out is not None:
        return build(out)
    if store.local_root is not None:
        return build(store.local_root / inside)
    page = build(Path(inside))
    for path in sorted(page.parent.rglob("*")):
        if path.is_file():
            name = path.relative_to(page.parent).as_posix()
            store.put(f"{inside}/{name}", path.read_bytes())
    return page


@cache
def atlas() -> Atlas:
    """Return the outlines of the countries, and cells as polygons."""
    return Atlas(tuple(ring for _, ring in outlines()), _tiles)


def _tiles(counts: Mapping[int, int]) -> list[Tile]:
    """Return the cells of the map that hold samples, in order of cell."""
    fine = np.array(sorted(counts), dtype=np.uint64)
    held: Counter[int] = Counter()
    coarse = parents(fine, resolution=MAP_RESOLUTION)
    for cell, own in zip(coarse.tolist(), fine.tolist(), strict=True):
        held[cell] += counts[own]
    cells = np.array(sorted(held), dtype=np.uint64)
    shapes = polygons(cells)
    return [
        Tile(tuple(rings(shape)), held[cell])
        for shape, cell in zip(shapes, cells.tolist(), strict=True)
    ]
