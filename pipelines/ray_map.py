"""Spread a plain function over items by Ray Data, one task each; what it makes comes back as bytes.

Only small answers travel this way. Pixels go through the store: Ray never shuffles them.
"""

import logging
import pickle
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import pyarrow as pa
import ray
from ray.data import DataContext

from terrasweep.infra.errors import TerrasweepError

T = TypeVar("T")

ANSWER = pa.schema([("made", pa.large_binary()), ("failed", pa.large_binary())])


def ray_map(work: Callable[[T], bytes], items: Sequence[T]) -> Iterator[bytes]:
    """Yield what `work` makes of each item, in the order in which it is ready.

    Ray must be up. An item is done again elsewhere if its worker dies, so `work` must not mind.

    Raises:
        TerrasweepError: If `work` raises one; it comes out as it went in.
    """
    if not items:
        return

    def run(batch: pa.Table) -> pa.Table:
        answers = [_answer(work, items[place]) for place in batch.column("item").to_pylist()]
        return pa.Table.from_pylist(answers, schema=ANSWER)

    _settle()
    places = [{"item": place} for place in range(len(items))]
    asked = ray.data.from_items(places, override_num_blocks=len(items))
    answered = asked.map_batches(run, batch_size=None, batch_format="pyarrow", num_cpus=1)
    for row in answered.iter_rows():
        if row["failed"] is not None:
            raise pickle.loads(row["failed"])
        yield row["made"]


def to_bytes(table: pa.Table) -> bytes:
    """Return a table in Arrow's stream format."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def from_bytes(data: bytes) -> pa.Table:
    """Return the table that `to_bytes` wrote."""
    return pa.ipc.open_stream(data).read_all()


def _answer(work: Callable[[T], bytes], item: T) -> dict[str, bytes | None]:
    """Answer with our own errors as values: Ray hands on but the text of what is raised."""
    try:
        return {"made": work(item), "failed": None}
    except TerrasweepError as error:
        return {"made": None, "failed": pickle.dumps(error)}


def _settle() -> None:
    """Keep Ray Data quiet, for the driver has a progress bar of its own, and use every CPU.

    Ray Data sets memory aside for answers that it thinks large, and on a small machine there is
    then no room for a second task. Ours are small.
    """
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    with warnings.catch_warnings():  # Ray's settings warn of each other when they are first made
        warnings.simplefilter("ignore", DeprecationWarning)
        settings = DataContext.get_current()
        settings.enable_progress_bars = False
        settings.op_resource_reservation_enabled = False
