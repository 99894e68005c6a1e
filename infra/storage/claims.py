"""Who is at what: so that two drivers on one store do not do the same thing twice.

A claim is a small file that names its driver. It is a courtesy and no lock: results are the same
whoever makes them, so two that both believe to hold one waste work and nothing else. A driver that
lives says so by a file that keeps changing. Others watch it by their own steady clock; no two
clocks are compared, so one that is set anew misleads nobody. On the same machine the process itself
is looked for, and a killed driver's claims are void at once.
"""

import json
import os
import socket
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from threading import Event, Thread
from types import TracebackType
from typing import Final

from terrasweep.infra.errors import StoreError
from terrasweep.infra.storage.store import Store

HELD: Final = "claims/held"
DRIVERS: Final = "claims/drivers"
BEAT_EVERY_S: Final = 10.0
STALE_S: Final = 45.0
"""A driver whose file has not changed for so long is taken to be dead."""


@dataclass(frozen=True)
class Driver:
    """What a driver's file says."""

    name: str
    machine: str
    """One boot of one machine, and what of its processes can be seen."""
    pid: int
    started: str
    """When the process began, as the kernel counts; process numbers are used again."""
    beat: int = 0


@dataclass
class Claims:
    """One driver's claims on a store, as a context in which they are kept up."""

    store: Store
    beat_every_s: float = BEAT_EVERY_S
    stale_s: float = STALE_S
    clock: Callable[[], float] = time.monotonic
    name: str = field(default_factory=lambda: uuid.uuid4().hex[:16])
    held: set[str] = field(default_factory=set)
    others: bool = False
    """Whether another driver was alive when we looked last."""
    _seen: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    """What another driver's file said last, and since when."""
    _ended: Event = field(default_factory=Event)

    def __enter__(self) -> "Claims":
        self.beat(0)
        self.others = self.are_others()
        Thread(target=self._keep_beating, name="claims", daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        with suppress(StoreError):  # a claim that stays is void as soon as we are gone
            for what in sorted(self.held):
                self.release(what)
            self.store.drop(f"{DRIVERS}/{self.name}.json")

    def take(self, what: str) -> bool:
        """Claim something; say whether it is ours."""
        if what in self.held:
            return True
        path = f"{HELD}/{what.replace('/', '-')}"
        if not self.store.put_new(path, self.name.encode()):
            owner = (self.store.get(path) or b"").decode()
            if owner != self.name and self.is_alive(owner):
                return False
            self.store.put(path, self.name.encode())
            if self.store.get(path) != self.name.encode():
                return False  # another one took it over just now
        self.held.add(what)
        return True

    def release(self, what: str) -> None:
        """Let something go, unless another driver took it over."""
        self.held.discard(what)
        path = f"{HELD}/{what.replace('/', '-')}"
        if self.store.get(path) == self.name.encode():
            self.store.drop(path)

    def are_others(self) -> bool:
        """Say whether any other driver is alive."""
        names = (path.rpartition("/")[2] for path in self.store.list(DRIVERS))
        return any(self.is_alive(name.removesuffix(".json")) for name in names)

    def is_alive(self, name: str) -> bool:
        """Say whether another driver is alive; a dead one's file is removed."""
        path = f"{DRIVERS}/{name}.json"
        data = self.store.get(path) if name and name != self.name else None
        if data is None:
            return False
        if _runs(data) is False or self._is_stale(name, data):
            self.store.drop(path)
            return False
        return True

    def beat(self, number: int) -> None:
        """Say that this driver is alive."""
        driver = Driver(self.name, _machine(), os.getpid(), _started(os.getpid()), number)
        record = asdict(driver) | {"host": socket.gethostname()}  # for people
        self.store.put(f"{DRIVERS}/{self.name}.json", json.dumps(record).encode())

    def _is_stale(self, name: str, data: bytes) -> bool:
        before, since = self._seen.get(name, (b"", 0.0))
        if data != before:
            self._seen[name] = (data, self.clock())
            return False
        return self.clock() - since >= self.stale_s

    def _keep_beating(self) -> None:
        number = 0
        while not self._ended.wait(self.beat_every_s):
            number += 1
            with suppress(StoreError):  # the store is away; others will see us again
                self.beat(number)
                self.others = self.are_others()


def _runs(data: bytes) -> bool | None:
    """Say whether the driver that wrote this runs on this machine; None: it is elsewhere."""
    try:
        record = json.loads(data)
        machine, pid, started = record["machine"], int(record["pid"]), record["started"]
    except (ValueError, KeyError, TypeError):
        return None
    return _started(pid) == started if machine == _machine() else None


@cache
def _machine() -> str:
    """Return a name for this boot of this machine and the processes we can see on it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return uuid.uuid4().hex  # no such thing here: nobody is on our machine


def _started(pid: int) -> str:
    """Return when a process began; nothing if there is none, or only what it left."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
