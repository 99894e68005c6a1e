"""A discrete-event simulation of a schedule: pieces of work, nodes, a clock that jumps.

Work is begun as soon as all that it needs is done and a node has room, the best rank first, on
nodes without GPUs as long as those have room. The driver hands out one piece at a time.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from terrasweep.infra.errors import SpecError


@dataclass(frozen=True)
class Work:
    """One piece of work."""

    name: str
    stage: str
    seconds: float
    cpus: float = 1.0
    gpus: float = 0.0
    needs: tuple[int, ...] = ()
    """Places of other pieces in the list; they must stand before this one."""
    rank: tuple[int, ...] = ()
    """The smaller goes first."""
    driver_s: float = 0.0
    """How long the driver is busy handing it out."""
    lane: str = ""
    """Of pieces that share a lane only so many are done at once."""


@dataclass
class Node:
    """What is free on a machine."""

    cpus: float
    gpus: float
    last: float = 0.0
    """When its last work ended."""

    def takes(self, work: Work) -> bool:
        """Say whether there is room."""
        near = 1e-9
        return work.cpus <= self.cpus + near and work.gpus <= self.gpus + near


class Span(NamedTuple):
    """When and where a piece of work was done."""

    start: float
    end: float
    node: int


@dataclass(frozen=True)
class Course:
    """How it went."""

    spans: tuple[Span, ...]
    """One for each piece of work, in their order."""
    lasts: tuple[float, ...]
    """When each node's last work ended."""

    @property
    def wall_s(self) -> float:
        """When everything is done."""
        return max((span.end for span in self.spans), default=0.0)


def simulate(
    works: Sequence[Work], *, nodes: Sequence[tuple[float, float]], lanes: Mapping[str, int]
) -> Course:
    """Do all work on nodes with so many CPUs and GPUs.

    Raises:
        SpecError: If a piece of work fits no node.
    """
    run = _Run(works, [Node(cpus, gpus) for cpus, gpus in sorted(nodes, key=_fewest_gpus)], lanes)
    _refuse_what_fits_nowhere(works, run.nodes)
    while run.step():
        pass
    return Course(
        tuple(run.spans[at] for at in range(len(works))), tuple(n.last for n in run.nodes)
    )


def longest_chain(works: Sequence[Work]) -> list[Work]:
    """Return the pieces, each needing the one before, that no number of nodes makes shorter."""
    ends: list[float] = []
    for work in works:
        ends.append(work.seconds + max((ends[need] for need in work.needs), default=0.0))
    chain: list[Work] = []
    at = max(range(len(works)), key=ends.__getitem__, default=None)
    while at is not None:
        chain.append(works[at])
        at = max(works[at].needs, key=ends.__getitem__, default=None)
    return chain[::-1]


@dataclass
class _Run:
    works: Sequence[Work]
    nodes: list[Node]
    lanes: Mapping[str, int]
    now: float = 0.0
    driver_free: float = 0.0
    spans: dict[int, Span] = field(default_factory=dict)
    _running: list[tuple[float, int]] = field(default_factory=list)
    _ready: dict[tuple[str, float, float], list[tuple[tuple[int, ...], int]]] = field(
        default_factory=dict
    )
    """Heaps of what may begin, one for each kind of room that is asked for."""
    _open: list[int] = field(default_factory=list)
    """How many of its needs each piece still waits for."""
    _after: dict[int, list[int]] = field(default_factory=dict)
    _busy: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for at, work in enumerate(self.works):
            needs = set(work.needs)
            self._open.append(len(needs))
            for need in needs:
                self._after.setdefault(need, []).append(at)
            if not needs:
                self._push(at)

    def step(self) -> bool:
        """Begin what can begin, then let the next piece end; say whether one did."""
        self._begin_all()
        if not self._running:
            return False
        self.now = self._running[0][0]
        while self._running and self._running[0][0] <= self.now:
            self._end(heapq.heappop(self._running)[1])
        return True

    def _begin_all(self) -> None:
        stuck: set[tuple[str, float, float]] = set()
        while True:
            heads = [(heap[0], kind) for kind, heap in self._ready.items() if kind not in stuck]
            if not heads:
                return
            (_, at), kind = min(heads)
            if not self._begin(at):
                stuck.add(kind)
                continue
            heapq.heappop(self._ready[kind])
            if not self._ready[kind]:
                del self._ready[kind]

    def _begin(self, at: int) -> bool:
        work = self.works[at]
        if work.lane and self._busy.get(work.lane, 0) >= self.lanes.get(work.lane, 1):
            return False
        place = next((i for i, node in enumerate(self.nodes) if node.takes(work)), None)
        if place is None:
            return False
        start = max(self.now, self.driver_free)
        self.driver_free = start + work.driver_s
        self.spans[at] = Span(start, start + work.driver_s + work.seconds, place)
        self.nodes[place].cpus -= work.cpus
        self.nodes[place].gpus -= work.gpus
        self._busy[work.lane] = self._busy.get(work.lane, 0) + 1
        heapq.heappush(self._running, (self.spans[at].end, at))
        return True

    def _end(self, at: int) -> None:
        work, span = self.works[at], self.spans[at]
        node = self.nodes[span.node]
        node.cpus, node.gpus, node.last = node.cpus + work.cpus, node.gpus + work.gpus, span.end
        self._busy[work.lane] -= 1
        for other in self._after.pop(at, []):
            self._open[other] -= 1
            if not self._open[other]:
                self._push(other)

    def _push(self, at: int) -> None:
        work = self.works[at]
        kind = (work.lane, work.cpus, work.gpus)
        heapq.heappush(self._ready.setdefault(kind, []), (work.rank, at))


def _fewest_gpus(node: tuple[float, float]) -> float:
    return node[1]


def _refuse_what_fits_nowhere(works: Sequence[Work], nodes: Sequence[Node]) -> None:
    for shape in {(work.stage, work.cpus, work.gpus): work for work in works}.values():
        if not any(node.takes(shape) for node in nodes):
            raise SpecError(
                f"a node with {shape.cpus:g} CPUs and {shape.gpus:g} GPUs for {shape.stage}",
                got="none in the profile",
                fix="write larger nodes, or smaller shares under `trial` and `pretraining`",
            )
