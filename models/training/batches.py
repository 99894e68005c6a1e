"""Batches on their way to a network: gathered by a thread while the batch before is learnt from.

The arrays may lie in memory or in a file that is mapped into it; the order of samples is drawn
anew for each epoch from the training's key, so a batch follows from its step alone.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np
import torch
from torch import Tensor

from terrasweep.infra.seeds import generator
from terrasweep.models.contract import Arrays, Batch

AHEAD: Final = 2
"""Batches that are ready or on their way: one evens out a slow read, more is memory."""


@dataclass(frozen=True)
class Feed:
    """Where the batches of one training come from."""

    arrays: Arrays
    key: str
    batch_size: int
    device: torch.device

    @property
    def num_samples(self) -> int:
        """How many samples an epoch has."""
        return len(next(iter(self.arrays.values())))

    def rows(self, first: int, last: int) -> Iterator[np.ndarray]:
        """Yield which samples each step learns from; an epoch's last batch may be smaller."""
        per_epoch = -(-self.num_samples // self.batch_size)
        order, ordered = np.empty(0, dtype=np.int64), -1
        for step in range(first, last):
            epoch, at = divmod(step, per_epoch)
            if epoch != ordered:
                order = generator(self.key, "order", epoch).permutation(self.num_samples)
                ordered = epoch
            yield order[at * self.batch_size : (at + 1) * self.batch_size]

    def batches(self, first: int, last: int) -> Iterator[tuple[np.ndarray, Batch]]:
        """Yield the samples and the batch of each step, on the device."""
        rows = self.rows(first, last)
        with ThreadPoolExecutor(1, thread_name_prefix="feed") as reader:
            waiting: deque[tuple[np.ndarray, Future[dict[str, Tensor]]]] = deque()
            waiting.extend((one, reader.submit(self._gather, one)) for one in islice(rows, AHEAD))
            while waiting:
                chosen, gathered = waiting.popleft()
                batch = gathered.result()
                waiting.extend((one, reader.submit(self._gather, one)) for one in islice(rows, 1))
                yield chosen, self._sent(batch)

    def _gather(self, rows: np.ndarray) -> dict[str, Tensor]:
        """Copy the rows out of the arrays; numpy lets other threads run meanwhile."""
        taken = {name: np.take(values, rows, axis=0) for name, values in self.arrays.items()}
        batch = {name: torch.from_numpy(values) for name, values in taken.items()}
        if self.device.type == "cuda":  # from pinned memory the copy runs beside the network
            batch = {name: values.pin_memory() for name, values in batch.items()}
        return batch

    def _sent(self, batch: Batch) -> Batch:
        return {name: values.to(self.device, non_blocking=True) for name, values in batch.items()}
