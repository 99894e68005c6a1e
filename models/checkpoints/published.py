"""Weights that others published, taken in under our names: every entry is held against the network.

What a network's files look like is said in `official.py` of its folder, and nowhere else. The
network is built without memory first, so that shapes are compared before anything is copied.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol, TypeAlias, cast

import torch
from pydantic import ValidationError
from safetensors.torch import save
from torch import Tensor, nn

from terrasweep.infra.errors import UserError, nearest
from terrasweep.infra.spec import Json, everything
from terrasweep.models.checkpoints import weights
from terrasweep.models.checkpoints.safe_load import unpickled
from terrasweep.models.members import ZOO
from terrasweep.models.spec import ModelSpec

Shape: TypeAlias = tuple[int, ...]
State: TypeAlias = Mapping[str, Tensor]

MATCHED, LEFT_OUT, FILLED = "matched", "unexpected, left out", "missing, filled with zeros"
MISSING, UNEXPECTED, SHAPE = "missing", "unexpected", "another shape"
TWIN, NOT_FINITE, NO_TENSOR = "unlike its twin", "not finite", "no tensor of numbers"
FINE: Final = (MATCHED, LEFT_OUT, FILLED)


class Layout(Protocol):
    """The module `official.py` of a network's folder: how its authors lay out their files."""

    HOME: str
    """The entry of the file that holds the weights; empty if the file is nothing else."""
    SAID: str
    """The entry that holds hyper-parameters; empty if there is none."""
    DROPPED: tuple[str, ...]
    """Hyper-parameters that are not kept: they say nothing of the weights."""

    def spec(
        self, shapes: Mapping[str, Shape], hyperparameters: Mapping[str, Json], /
    ) -> ModelSpec:
        """Return the fields of the network that weights of these shapes belong to."""

    def may_lack(self, shapes: Mapping[str, Shape], /) -> tuple[str, ...]:
        """Return patterns of entries that such a file need not have, and features do not need."""

    def may_add(self, shapes: Mapping[str, Shape], /) -> tuple[str, ...]:
        """Return patterns of entries that such a file may have, and the network has not."""

    def folded(self, state: State, /) -> State:
        """Return the state with what is left out worked into what stays, where that is exact."""


@dataclass(frozen=True)
class EntryMatch:
    """One name, as the file has it and as the network has it."""

    name: str
    status: str
    found: Shape | None
    expected: Shape | None
    dtype: str | None
    """What the file's numbers are."""

    @property
    def is_fine(self) -> bool:
        """Whether the file may be taken in as far as this entry goes."""
        return self.status in FINE


@dataclass(frozen=True)
class PublishedWeights:
    """An official file, held against the network that it belongs to."""

    model: ModelSpec
    entries: tuple[EntryMatch, ...]
    packed: bytes | None
    """The weights as safetensors; none if some entry does not fit."""
    origin: Mapping[str, Json]
    """Whose file it was: its name, size and checksum, and what it says of itself."""
    parameters: int

    def names(self, status: str) -> list[str]:
        """Return the names of all entries of one status."""
        return [entry.name for entry in self.entries if entry.status == status]

    def refuse_misfits(self) -> None:
        """Refuse a file of which some entry does not fit.

        Raises:
            UserError: With how many do not, and one of them.
        """
        wrong = [entry for entry in self.entries if not entry.is_fine]
        if wrong:
            shapes = f"expected {_shape(wrong[0].expected)}, got {_shape(wrong[0].found)}"
            raise UserError(
                f"the weights of {self.model.name} as its authors publish them",
                got=f"{len(wrong)} of {len(self.entries)} entries that do not fit, such as "
                f"{wrong[0].name} ({wrong[0].status}; {shapes})",
                fix="choose another file, or the network that this file belongs to",
            )


def networks() -> tuple[str, ...]:
    """Return the networks whose official files can be read."""
    return tuple(name for name in ZOO.names if find_spec(f"{ZOO.homes[name]}.official"))


def read(name: str, path: Path) -> PublishedWeights:
    """Hold an official file of a network against it; nothing of the file is ever run.

    Raises:
        UserError: If it cannot be read, or is of no such network.
    """
    layout = _layout(name)
    loaded = unpickled(path)
    hyperparameters = _hyperparameters(loaded, layout)
    contents = _contents(loaded, layout, path)
    state = {key: cast("Tensor", one) for key, one in contents.items() if _is_numbers(one)}
    shapes = {key: tuple(value.shape) for key, value in state.items()}
    model = _model(layout, shapes, hyperparameters, name=name)
    network = _without_memory(model)
    entries = tuple(_entries(network, contents, state, layout=layout))
    fits = all(entry.is_fine for entry in entries)
    return PublishedWeights(
        model=model,
        entries=entries,
        packed=save(_ours(network, layout.folded(state))) if fits else None,
        origin={
            "network": name,
            **_file(path),
            **({"said": hyperparameters} if hyperparameters else {}),
        },
        parameters=sum(values.numel() for values in network.parameters()),
    )


def write(reading: PublishedWeights, folder: Path) -> dict[str, Json]:
    """Write the weights and their card into a folder and return the card.

    Raises:
        UserError: If some entry does not fit.
    """
    reading.refuse_misfits()
    assert reading.packed is not None
    card: dict[str, Json] = {
        "model": everything(reading.model),
        "weights": hashlib.sha256(reading.packed).hexdigest(),
        "origin": reading.origin,
        "parameters": reading.parameters,
        "matched": len(reading.names(MATCHED)),
        "filled": reading.names(FILLED),
        "left_out": reading.names(LEFT_OUT),
    }
    folder.mkdir(parents=True, exist_ok=True)
    weights.write_packed(reading.packed, folder, card=card)
    return card


def size(shapes: Mapping[str, Shape], name: str, *, axis: int, otherwise: int) -> int:
    """Return one axis of an entry; what is not there is told when entries are compared."""
    shape = shapes.get(name, ())
    return shape[axis] if len(shape) > axis else otherwise


def count(shapes: Mapping[str, Shape], prefix: str, *, otherwise: int) -> int:
    """Return how many numbered modules there are under a prefix."""
    numbers = {
        name.removeprefix(prefix).split(".")[0] for name in shapes if name.startswith(prefix)
    }
    return len([number for number in numbers if number.isdigit()]) or otherwise


def _layout(name: str) -> Layout:
    if name not in networks():
        expected = "a network whose official files can be read"
        raise UserError(expected, got=repr(name), fix=nearest(name, networks()))
    return cast("Layout", import_module(f"{ZOO.homes[name]}.official"))


def _hyperparameters(loaded: object, layout: Layout) -> dict[str, Json]:
    """Return the hyper-parameters that are plain values, without those to be dropped."""
    held = loaded.get(layout.SAID, {}) if isinstance(loaded, Mapping) and layout.SAID else {}
    pairs = held.items() if isinstance(held, Mapping) else vars(held).items()
    return {
        str(name): value
        for name, value in sorted(pairs, key=lambda pair: str(pair[0]))
        if name not in layout.DROPPED and isinstance(value, str | int | float | bool)
    }


def _contents(loaded: object, layout: Layout, path: Path) -> Mapping[str, object]:
    held = loaded
    if layout.HOME and isinstance(loaded, Mapping):
        held = loaded.get(layout.HOME)
    if isinstance(held, Mapping) and held and all(isinstance(name, str) for name in held):
        return held
    where = f"under `{layout.HOME}` " if layout.HOME else ""
    known = ", ".join(map(str, loaded)) if isinstance(loaded, Mapping) else ""
    raise UserError(
        f"names with weights {where}in {path}",
        got=f"the entries {known[:200]}" if known else f"a {type(loaded).__name__}",
        fix=f"check which network the file is of; known: {', '.join(networks())}",
    )


def _is_numbers(value: object) -> bool:
    """Say whether a value is a plain tensor whose storage really holds all of it."""
    return (
        isinstance(value, Tensor)
        and value.layout is torch.strided
        and value.device.type == "cpu"
        and not value.is_quantized
        and value.untyped_storage().nbytes() >= value.numel() * value.element_size()
    )


def _model(
    layout: Layout, shapes: Mapping[str, Shape], hyperparameters: Mapping[str, Json], *, name: str
) -> ModelSpec:
    try:
        return layout.spec(shapes, hyperparameters)
    except ValidationError as error:
        got = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        expected = f"weights whose shapes fit {name}"
        raise UserError(
            expected, got=got, fix="check that the file belongs to this network"
        ) from None


def _without_memory(model: ModelSpec) -> nn.Module:
    with torch.device("meta"):
        return ZOO[model.name].build(model)


def _entries(
    network: nn.Module, contents: Mapping[str, object], state: State, *, layout: Layout
) -> Iterator[EntryMatch]:
    wanted = {name: tuple(values.shape) for name, values in network.state_dict().items()}
    shapes = {name: tuple(values.shape) for name, values in state.items()}
    unlike = _unlike_twins(network, state)
    lacks, adds = layout.may_lack(shapes), layout.may_add(shapes)
    for name in [*wanted, *(one for one in contents if one not in wanted)]:
        ours, theirs = wanted.get(name), shapes.get(name)
        if name in contents and name not in state:
            status = NO_TENSOR
        elif ours is None:
            status = LEFT_OUT if _is_one(name, adds) else UNEXPECTED
        elif theirs is None:
            status = FILLED if _is_one(name, lacks) else MISSING
        else:
            status = _compared(state[name], ours, is_unlike=name in unlike)
        dtype = str(state[name].dtype).removeprefix("torch.") if name in state else None
        yield EntryMatch(name, status, theirs, ours, dtype)


def _compared(theirs: Tensor, ours: Shape, *, is_unlike: bool) -> str:
    if tuple(theirs.shape) != ours:
        return SHAPE
    if is_unlike:
        return TWIN
    return MATCHED if bool(torch.isfinite(theirs).all()) else NOT_FINITE


def _is_one(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _unlike_twins(network: nn.Module, state: State) -> set[str]:
    """Return entries that are one parameter in the network, and two different ones in the file."""
    groups: dict[int, list[str]] = {}
    for name, values in network.named_parameters(remove_duplicate=False):
        groups.setdefault(id(values), []).append(name)
    unlike: set[str] = set()
    for first, *others in groups.values():
        for other in others:
            if first in state and other in state and not torch.equal(state[first], state[other]):
                unlike |= {first, other}
    return unlike


def _ours(network: nn.Module, state: State) -> dict[str, Tensor]:
    """Return every entry of the network in its own precision; what is missing is zeros."""
    return {
        name: state[name].to(ours.dtype).clone(memory_format=torch.contiguous_format)
        if name in state
        else torch.zeros(ours.shape, dtype=ours.dtype)
        for name, ours in network.state_dict().items()
    }


def _file(path: Path) -> dict[str, Json]:
    with path.open("rb") as stream:
        checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file": path.name, "sha256": checksum, "bytes": path.stat().st_size}


def _shape(shape: Shape | None) -> str:
    return "none" if shape is None else str(shape)
