"""One thread for BLAS: with more, it cuts products by core, and a core more changes last digits."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Compute with one BLAS thread; small problems are no slower, and bundles share the cores."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
