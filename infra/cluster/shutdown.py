"""A graceful end: asked to stop, a run saves what it has and says how to go on.

SIGTERM becomes an exception, as Ctrl-C is one, so that every ``finally`` runs: rows go to the
ledger, pretrainings are asked to save, the mirror has a moment to catch up.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, TypeAlias

GRACE_S = 20.0
"""How long pretrainings may take to save, and the mirror to catch up, once a run is to stop."""

Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | None
Wish: TypeAlias = Callable[[float], None]
"""Does one last thing, within so many seconds."""

_wishes: list[Wish] = []
_heard: list[int] = []
"""Signals that were heard; Ray turns an exception that meets it while it waits into Ctrl-C's."""
_blocks: list[Handler] = []
"""What SIGTERM did before each block that we are in."""
_ends = threading.Event()
"""Set where the process is to end with what it does now."""


class Guest(threading.Thread):
    """A thread that waits in Ray; it never keeps the process from ending.

    If Ray were shut down meanwhile, the thread would crash the process.
    """

    def __init__(self, target: Callable[[], object] | None = None) -> None:
        super().__init__(target=target, daemon=True)


def process_ends() -> None:
    """Promise that the process ends after this, by `os._exit` if guests are left."""
    _ends.set()


def guests_are_left() -> bool:
    """Say whether guests wait in Ray who go with the process, and so with Ray."""
    return _ends.is_set() and any(isinstance(one, Guest) for one in threading.enumerate())


class Stopped(KeyboardInterrupt):
    """Somebody asked this process to stop: a scheduler, or `terrasweep cancel`."""


@contextmanager
def on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception within the block; threads keep what there is.

    Raises:
        Stopped: At once, if it came before in a block around this one, and its exception was lost.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if not _blocks:
        _heard.clear()
    insist()
    _blocks.append(signal.signal(signal.SIGTERM, _stop))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, _blocks.pop())


@contextmanager
def while_connecting() -> Iterator[None]:
    """Have SIGTERM mean within the block what it means around it: Ray ends the process at once.

    Ray puts a handler of its own before it connects, which exits with the signal as its code.
    """
    try:
        yield
    except SystemExit as error:
        if error.code != signal.SIGTERM:
            raise
        _stop(signal.SIGTERM, None)


def was_asked() -> bool:
    """Say whether SIGTERM has come."""
    return bool(_heard)


def insist() -> None:
    """Stop here if SIGTERM has come and its exception was lost.

    Python drops what is raised while it clears an object away, and nobody asks twice.

    Raises:
        Stopped: If that is so.
    """
    if _heard and _blocks:
        raise Stopped(_heard[-1])


@contextmanager
def last_wish(wish: Wish) -> Iterator[None]:
    """Have something done if the run is stopped within the block, before its workers go."""
    _wishes.append(wish)
    try:
        yield
    finally:
        _wishes.remove(wish)


def grant_wishes(
    kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
) -> None:
    """Do all last things at once if the run was stopped; the way out of a context."""
    if kind is None or not issubclass(kind, KeyboardInterrupt):
        return
    threads = [threading.Thread(target=one, args=(GRACE_S,), daemon=True) for one in _wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(GRACE_S)


def _stop(signum: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # asked twice, it still ends in good order
    _heard.append(signum)
    raise Stopped(signum)
