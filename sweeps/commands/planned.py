"""A sweep that was planned in a store, by its own name or by what its file says."""

from terrasweep.infra.storage.ledger import Ledger
from terrasweep.sweeps.reading.sweep_file import read


def planned_name(text: str, *, ledger: Ledger) -> str:
    """Return the name under which a ledger holds a sweep; its file need not exist any more.

    Raises:
        SpecError: If it is neither in the ledger nor a sweep that can be read.
        StoreError: If it can be read, but was never planned here.
    """
    if text in ledger.plans():
        return text
    name = read(text).name
    ledger.plan(name)
    return name
