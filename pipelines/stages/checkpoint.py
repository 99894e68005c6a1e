"""How a checkpoint from outside gets into a store: copied by whoever sees its folder, once."""

import hashlib
import shutil
from pathlib import Path

from terrasweep.infra.errors import UserError
from terrasweep.infra.storage.record import Record
from terrasweep.infra.storage.store import Store
from terrasweep.pipelines.checkpoint_card import CARD, WEIGHTS, Card, step


def admit(card: Card, *, store: Store, label: str) -> Record:
    """Copy an imported checkpoint into a store, unless it is there.

    Raises:
        UserError: If the weights are not those that the card tells of.
    """

    def copy(folder: Path) -> None:
        _check(card)
        for name in (CARD, WEIGHTS):
            shutil.copyfile(card.folder / name, folder / name)

    return store.make(step(card, label=label), copy)


def _check(card: Card) -> None:
    expected = f"the weights that {card.folder / CARD} describes"
    fix = "import them again"
    try:
        with (card.folder / WEIGHTS).open("rb") as stream:
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UserError(expected, got=error.strerror or str(error), fix=fix) from None
    if checksum != card.weights:
        raise UserError(expected, got=f"a file with sha256 {checksum}", fix=fix)
