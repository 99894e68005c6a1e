"""Limits of one process on a shared machine: GPU memory, torch threads, BLAS threads."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


def limit_gpu_memory(share: float) -> None:
    """Let this process use no more of its GPU's memory than its share; whole devices are whole.

    A scheduler only counts fractions. Without a limit the first process takes all the memory that
    it likes, and the next one runs out.
    """
    if not 0 < share < 1:
        return
    import torch  # local: a process without a share of a GPU does not load it

    if torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(share)


@contextmanager
def torch_threads(cores: float) -> Iterator[None]:
    """Let torch use as many threads as there are whole cores, at least one, and restore them after.

    The process does other work afterwards, such as the next trial.
    """
    import torch  # local: the driver of a sweep plans without it

    before = torch.get_num_threads()
    torch.set_num_threads(max(1, int(cores)))
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute with one BLAS thread; small problems are no slower, and bundles share the cores."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
