"""A sweep's mirror in the background: it never blocks the sweep and never fails it."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

from terrasweep.infra.cluster.shutdown import GRACE_S
from terrasweep.infra.errors import TerrasweepError
from terrasweep.infra.storage.ledger import Ledger
from terrasweep.infra.storage.store import Store
from terrasweep.infra.telemetry import metrics
from terrasweep.infra.tracking.mirror import Mirror
from terrasweep.infra.tracking.run import MirrorReport

PAUSE_S = 3.0
SHARE = 4
"""Rest this many times the processor time of a pass, so that mirroring costs a fifth of a core."""


class MirrorThread:
    """Mirrors what is new every few seconds; says once when MLflow is away, once when it is back.

    As a context it flushes at the end of a sweep that went well; asked to stop, it has a moment to
    catch up, and after an error it leaves at once.
    """

    def __init__(
        self,
        mirror: Mirror,
        store: Store,
        name: str,
        *,
        tell: Callable[[str], None],
        pause_s: float = PAUSE_S,
    ) -> None:
        # A ledger of its own: the driver reads and writes another one meanwhile.
        self._mirror, self._store, self._ledger, self._name = mirror, store, Ledger(store), name
        self._tell, self._pause_s = tell, pause_s
        self._ended, self._left = Event(), Event()
        self._away = False
        self._report: Path | None = None
        self._thread = Thread(target=self._run, name=f"mirror-{name}", daemon=True)
        self.last: MirrorReport | None = None
        """What the last pass that succeeded did."""

    def __enter__(self) -> "MirrorThread":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            self._ended.set()
            self._thread.join(GRACE_S)
        if kind is not None:
            self._left.set()
        self.finish()

    def attach(self, report: Path) -> None:
        """Keep a folder with the sweep's run, once all else is mirrored."""
        self._report = report

    def finish(self) -> None:
        """Mirror what is left and end; once ended, this does nothing."""
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._ended.wait(pause_s):
            pause_s = max(self._pause_s, SHARE * self._pass())
        if not self._left.is_set():
            self._pass()

    def _pass(self) -> float:
        """Mirror what is new, and return the processor time that it took."""
        try:
            self.last = self._mirror.bring_up_to_date(
                self._store, self._ledger, self._name, go_on=lambda: not self._left.is_set()
            )
            if self._report is not None:
                self._mirror.attach(self._name, self._report)
        except Exception as error:  # a mirror is no reason to lose a sweep, whatever went wrong
            if not self._away:
                self._tell(_sentence(error))
            self._away = True
        else:
            metrics.gauge("terrasweep_mirror_lag", self.last.lag, sweep=self._name)
            if self._away:
                self._tell(f"MLflow is back: sweep {self._name!r} is mirrored again")
            self._away = False
            return self.last.busy_s
        return 0.0


def _sentence(error: Exception) -> str:
    known = isinstance(error, TerrasweepError)
    return str(error) if known else f"mirroring failed: {type(error).__name__}: {error}"
