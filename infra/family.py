"""A family is a folder of members that keep one contract; the member's name is its file name.

A member with a spec of its own is a folder: ``spec.py`` is light and holds ``Spec``'s subclass,
the heavy code lies beside it. Members from outside come by entry point, group
``terrasweep.<family>``, each naming a package of the same shape.
"""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cached_property, reduce
from importlib.metadata import entry_points
from operator import or_
from typing import Annotated, Generic, TypeVar, cast

from pydantic import Discriminator

from terrasweep.infra.errors import SpecError, nearest
from terrasweep.infra.spec import Spec

M = TypeVar("M")


@dataclass(frozen=True)
class Family(Generic[M]):
    """Members of one package, listed without importing them."""

    package: str
    entry: str = ""
    """The module inside a member's folder that keeps the contract; empty if a member is a file."""

    @cached_property
    def homes(self) -> dict[str, str]:
        """Each member's name and the module it lives in, sorted by name."""
        home = importlib.import_module(self.package)
        ours = {m.name: f"{self.package}.{m.name}" for m in pkgutil.iter_modules(home.__path__)}
        group = f"terrasweep.{self.package.rpartition('.')[2]}"
        theirs = {point.name: point.value for point in entry_points(group=group)}
        return dict(sorted({**theirs, **ours}.items()))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all members, sorted."""
        return tuple(self.homes)

    def __getitem__(self, name: str) -> M:
        """Import the member and return the module that keeps the contract."""
        home = self._home(name)
        return cast("M", importlib.import_module(f"{home}.{self.entry}" if self.entry else home))

    def spec(self, name: str) -> type[Spec]:
        """Return the spec class of a member; light, nothing of its heavy code is imported."""
        module = importlib.import_module(f"{self._home(name)}.spec")
        own = [
            item
            for item in vars(module).values()
            if isinstance(item, type) and issubclass(item, Spec) and "name" in item.model_fields
        ]
        (kind,) = (item for item in own if item.__module__ == module.__name__)
        return kind

    def specs(self) -> tuple[type[Spec], ...]:
        """Return the spec classes of all members, in order of name."""
        return tuple(self.spec(name) for name in self.names)

    def union(self) -> object:
        """Return the closed union of all members' specs, told apart by their ``name``."""
        first, *others = self.specs()
        return Annotated[reduce(or_, others, first), Discriminator("name")] if others else first

    def _home(self, name: str) -> str:
        if name not in self.homes:
            room = self.package.replace(".", "/")
            raise SpecError(f"a member of {room}", got=repr(name), fix=nearest(name, self.names))
        return self.homes[name]
