"""A graceful stop: asked to stop, a run saves what it has and says how to go on.

SIGTERM becomes an exception, as Ctrl-C is one, so that every ``finally`` runs: rows go to the
ledger, pretrainings are asked to save, the mirror has a moment to catch up. Python drops an
exception that is raised while it clears an object away, and some imports drop it too. So the signal
also sets a flag, which is checked wherever a run can stop safely.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, TypeAlias

GRACE_S: Final = 20.0
"""How long pretrainings may take to save, and the mirror to catch up, once a run is to stop."""

Handler: TypeAlias = Callable[[int, FrameType | None], Any] | int | None
StopCallback: TypeAlias = Callable[[float], None]
"""Does one last thing, within so many seconds."""


class Stopped(KeyboardInterrupt):
    """Somebody asked this process to stop: a scheduler, or `terrasweep cancel`."""


class RayThread(threading.Thread):
    """A thread that waits in Ray; it never keeps the process from ending.

    If Ray were shut down meanwhile, the thread would crash the process.
    """

    def __init__(self, target: Callable[[], object] | None = None) -> None:
        super().__init__(target=target, daemon=True)


class StopSignal:
    """Whether this process was asked to stop, and what is done before it does.

    One that is pickled arrives as the signal of the process that it arrives in.
    """

    def __init__(self) -> None:
        self.was_received = False
        self.exits_afterwards = False
        """Whether the process ends after this run, by `os._exit` if threads still wait in Ray."""
        self._callbacks: list[StopCallback] = []
        self._handlers: list[Handler] = []
        """What SIGTERM did before each block that we are in."""

    def __reduce__(self) -> tuple[Callable[[], "StopSignal"], tuple[()]]:
        return process_signal, ()

    @contextmanager
    def handle_sigterm(self) -> Iterator[None]:
        """Turn SIGTERM into an exception within the block; threads change nothing.

        Raises:
            Stopped: At once, if it came in a block around this one and its exception was lost.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        if not self._handlers:
            self.was_received = False  # an earlier run of this process was meant
        self.raise_if_stopped()
        self._handlers.append(signal.signal(signal.SIGTERM, self._receive))
        try:
            yield
        finally:
            before = self._handlers.pop()
            if not (self.was_received and self._handlers):  # else it stays ignored on the way out
                signal.signal(signal.SIGTERM, before)

    def raise_if_stopped(self) -> None:
        """Stop here if SIGTERM has come and its exception was lost: nobody asks twice.

        Raises:
            Stopped: If that is so.
        """
        if self.was_received and self._handlers:
            raise Stopped(signal.SIGTERM)

    @contextmanager
    def on_stop(self, callback: StopCallback) -> Iterator[None]:
        """Call this if the run is stopped within the block, before its workers are ended."""
        self._callbacks.append(callback)
        try:
            yield
        finally:
            self._callbacks.remove(callback)

    def run_stop_callbacks(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Run all callbacks at once if the run was stopped; the way out of a context."""
        if kind is None or not issubclass(kind, KeyboardInterrupt):
            return
        threads = [
            threading.Thread(target=callback, args=(GRACE_S,), daemon=True)
            for callback in self._callbacks
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(GRACE_S)

    def leaves_ray_threads(self) -> bool:
        """Return whether threads wait in Ray that end with the process, and so with Ray."""
        threads = threading.enumerate()
        return self.exits_afterwards and any(isinstance(one, RayThread) for one in threads)

    def _receive(self, signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # asked twice, it still ends in good order
        self.was_received = True
        raise Stopped(signum)


_PROCESS: Final = StopSignal()


def process_signal() -> StopSignal:
    """Return the signal of this process, which every run takes unless it is handed another."""
    return _PROCESS
