"""A step is a spec plus the steps it needs; its key is its address in the store."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

from terrasweep.infra.spec import Json, Spec, canonical, digest

S = TypeVar("S", bound=Spec, covariant=True)


@dataclass(frozen=True)
class Key:
    """The address of what a step makes: ``<stage>/<digest>``."""

    stage: str
    digest: str

    def __str__(self) -> str:
        return f"{self.stage}/{self.digest}"

    @classmethod
    def parse(cls, text: str) -> "Key":
        """Read ``<stage>/<digest>`` back."""
        stage, _, hexes = text.partition("/")
        return cls(stage, hexes)


@dataclass(frozen=True)
class Step(Generic[S]):
    """One thing to make once."""

    stage: str
    spec: S
    needs: tuple["Step[Spec]", ...] = ()
    label: str = ""
    """What people read in logs and in MLflow; it never enters the key."""
    origin: Mapping[str, Json] = field(default_factory=dict, compare=False)
    """Where it came from, if from outside; the record keeps it, and it never enters the key."""

    @cached_property
    def key(self) -> Key:
        """The key follows from the spec and from the keys of the steps it needs."""
        needs: list[Json] = [str(need.key) for need in self.needs]
        return Key(self.stage, digest([self.stage, canonical(self.spec), needs]))

    def need(self, stage: str) -> "Step[Spec]":
        """Return the one direct need of a stage."""
        (direct,) = (need for need in self.needs if need.stage == stage)
        return direct


def closure(steps: Iterable[Step[Spec]]) -> Iterator[Step[Spec]]:
    """Yield every step once, each after all that it needs."""
    seen: set[Key] = set()

    def visit(step: Step[Spec]) -> Iterator[Step[Spec]]:
        if step.key in seen:
            return
        seen.add(step.key)
        for need in step.needs:
            yield from visit(need)
        yield step

    for step in steps:
        yield from visit(step)
