"""Where a training went wrong whose loss is no longer a finite number."""

from dataclasses import asdict, dataclass
from typing import Final

import torch

from terrasweep.infra.errors import BadDataError
from terrasweep.infra.spec import Json
from terrasweep.models.contract import Batch, Network

NAMED: Final = 3
"""Names in the sentence; the record has all of them."""


@dataclass(frozen=True)
class Divergence:
    """The step, and what was no finite number when it was taken."""

    step: int
    """Counted from 1."""
    epoch: int
    """Counted from 1."""
    lr: float
    loss: str
    """`nan` or `inf`."""
    parameters: tuple[str, ...]
    """Weights that hold a value that is no finite number: here the steps before diverged."""
    inputs: tuple[str, ...]
    """Arrays of the batch that do: here the pool is at fault."""
    rows: tuple[int, ...]
    """Samples of the manifest, counted from 0: those of such inputs, or all of the batch."""

    def as_record(self) -> dict[str, Json]:
        """Return it as JSON has it."""
        return dict(asdict(self))


class DivergedError(BadDataError):
    """The loss is no longer a finite number."""

    divergence: Divergence | None = None
    """Where; it does not travel to another process."""


def diverged(
    network: Network,
    batch: Batch,
    *,
    rows: list[int],
    step: int,
    epoch: int,
    lr: float,
    loss: float,
) -> DivergedError:
    """Return what is to be raised, with where it was."""
    weights = [name for name, p in network.named_parameters() if not _is_finite(p)]
    inputs = [name for name, values in batch.items() if not _is_finite(values)]
    bad = sorted({row for name in inputs for row in _bad_rows(batch[name], rows)}) or rows
    error = DivergedError(
        f"a finite loss at step {step} (epoch {epoch})",
        got=f"{loss} at a learning rate of {lr:g}, {_details(weights, inputs, batch_of=len(rows))}",
        fix="look for NaN and infinity in the pool"
        if inputs
        else "lower lr, set clip_norm, or warm up for longer",
    )
    error.divergence = Divergence(
        step, epoch, lr, str(loss), tuple(weights), tuple(inputs), tuple(bad)
    )
    return error


def _details(weights: list[str], inputs: list[str], *, batch_of: int) -> str:
    if inputs:
        return f"with values that are no numbers in {', '.join(inputs)} of its {batch_of} samples"
    if not weights:
        return "from weights and inputs that are finite"
    more = "" if len(weights) <= NAMED else f" and {len(weights) - NAMED} more"
    return f"after weights became infinite or no numbers: {', '.join(weights[:NAMED])}{more}"


def _is_finite(values: torch.Tensor) -> bool:
    return bool(values.isfinite().all())


def _bad_rows(values: torch.Tensor, rows: list[int]) -> list[int]:
    finite = values.flatten(1).isfinite().all(dim=1) if values.ndim > 1 else values.isfinite()
    return [row for row, fine in zip(rows, finite.tolist(), strict=True) if not fine]
