"""What workers of a grid of trivial cells do; it imports no more than workers of real ones do."""

from collections.abc import Sequence
from datetime import UTC, datetime

from terrasweep.infra.context import Context
from terrasweep.infra.step import Step
from terrasweep.infra.storage.ledger import Row, fields_of
from terrasweep.pipelines.spec import FinetuneSpec


def work(cells: Sequence[Step[FinetuneSpec]], context: Context) -> list[Row]:
    """Answer for cells without training anything."""
    return [row(cell) for cell in cells]


def row(cell: Step[FinetuneSpec]) -> Row:
    """Return a row that anyone could have made."""
    spec = cell.spec
    return Row(
        key=str(cell.key),
        continent=spec.continent.value,
        n=spec.n,
        protocol=spec.protocol.name,
        seed=spec.seed,
        metric="f1",
        value=0.5,
        n_train=spec.n,
        n_test=1,
        classes=2,
        features=str(cell.need("encode").key),
        seconds=0.0,
        finished=datetime.now(UTC),
        commit="none",
        fields=fields_of(spec),
    )
