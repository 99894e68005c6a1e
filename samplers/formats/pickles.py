"""Pickles that strangers wrote, read without running any of what they ask for.

A pickle is a program. Here it may build dicts, lists, tuples, numbers and text, and arrays of
NumPy; any other class it names becomes a `Stub` that keeps its state and does nothing.
"""

import io
import pickle
from dataclasses import dataclass, field
from typing import Any

import numpy as np

PLAIN = {kind.__name__: kind for kind in (dict, list, tuple, set, int, float, str)}
"""The built-in types that a pickle may name."""
MOST_BYTES = 64 << 20

# The functions that rebuild arrays are private to NumPy, and their modules were renamed once
# (numpy.core is numpy._core since NumPy 2). So they are not imported: NumPy is asked how it pickles
# an array before protocol 5, a scalar, and an array from protocol 5 on.
_REBUILD: tuple[Any, ...] = (
    np.empty(1).__reduce__()[0],
    np.float64(0).__reduce__()[0],
    np.empty(1).__reduce_ex__(5)[0],
)
NUMPY_PARTS: dict[str, Any] = {
    "ndarray": np.ndarray,
    "dtype": np.dtype,
    **dict(zip(("_reconstruct", "scalar", "_frombuffer"), _REBUILD, strict=True)),
}
"""All that a pickle may ask of NumPy, by the names that pickles of every version use."""


class RefusedError(Exception):
    """A pickle is not whole, too large, or asks for more than data."""


@dataclass
class Stub:
    """Stands for an instance of a class that is not loaded."""

    kind: str
    args: tuple[Any, ...] = ()
    state: dict[str, Any] = field(default_factory=dict)

    def __setstate__(self, state: Any) -> None:
        """Keep what the instance would have held."""
        whole = state[1] if isinstance(state, tuple) and len(state) == 2 else state
        self.state = dict(whole) if isinstance(whole, dict) else {"state": whole}


def loads(data: bytes, *, known: tuple[str, ...]) -> Any:
    """Return what a pickle holds.

    Args:
        data: The pickle.
        known: Modules whose classes are expected; each becomes a stub. Any other is refused.

    Raises:
        RefusedError: If it names anything else, or is not whole.
    """
    if len(data) > MOST_BYTES:
        raise RefusedError(f"{len(data):,} bytes")
    try:
        return _Reader(data, known=known).load()
    except RefusedError:
        raise
    except Exception as error:  # a broken pickle raises whatever its opcodes end in
        raise RefusedError(f"a pickle that cannot be read ({type(error).__name__})") from None


class _Reader(pickle.Unpickler):
    """Looks up no class but those of plain data."""

    def __init__(self, data: bytes, *, known: tuple[str, ...]) -> None:
        super().__init__(io.BytesIO(data))
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        """Return a plain type, a harmless part of NumPy, or a maker of stubs."""
        if module == "builtins" and name in PLAIN:
            return PLAIN[name]
        if module.partition(".")[0] == "numpy":
            return _of_numpy(name)
        if module.partition(".")[0] in self._known:
            return _maker(f"{module}.{name}")
        raise RefusedError(f"a pickle that asks for {module}.{name}")


def _of_numpy(name: str) -> Any:
    """Return what arrays and scalars of numbers are rebuilt with."""
    if name not in NUMPY_PARTS:
        raise RefusedError(f"a pickle that asks for numpy's {name}")
    return NUMPY_PARTS[name]


def _maker(kind: str) -> type:
    """Return a class whose instances are stubs, however a pickle makes them."""

    class Named(Stub):
        def __new__(cls, *args: Any, **_: Any) -> "Named":
            stub = object.__new__(cls)
            Stub.__init__(stub, kind, args)
            return stub

        def __init__(self, *args: Any, **state: Any) -> None:
            self.state = dict(state)

    return Named
