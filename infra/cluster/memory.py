"""Memory: what is free goes back to the system; garbage is not looked for where there is none."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def release_memory() -> None:
    """Give back what has been freed: glibc keeps it in pieces, and a driver runs for days."""
    gc.collect()
    with suppress(AttributeError, OSError):  # other systems do so by themselves
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def importing() -> Iterator[None]:
    """Import within the block: modules stay; looking through them takes a quarter of the time."""
    looks = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # nor is it looked through later
        if looks:
            gc.enable()
