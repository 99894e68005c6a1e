"""A share of a GPU: what several processes on one device have agreed on is kept to."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


def limit_gpu_memory(share: float) -> None:
    """Let this process use no more of its GPU's memory than its share; whole devices are whole.

    A scheduler's fractions are bookkeeping alone: without a limit, the first process takes what it
    likes and the next one runs out of memory.
    """
    if not 0 < share < 1:
        return
    import torch  # local: who has no share of a GPU need not have torch

    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(share)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute with one BLAS thread; small problems are no slower, and bundles share the cores."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
