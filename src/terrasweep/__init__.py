"""Which places on Earth should a geospatial foundation model be pretrained on?

    import terrasweep as ts

    sweep = ts.read("smoke")                      # a sweep of the catalogue, or a YAML file
    rule = ts.Stratified(over="continent")        # every rule of composing is a class
    features = ts.encode(folder, {"x": x, ...})   # with any checkpoint

Importing the package loads none of its libraries: each name is looked up when it is first used.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from terrasweep.models.checkpoints.encoding import encode
    from terrasweep.samplers.spec.places import (
        Box,
        Cities,
        EntropyTop,
        NaturalForest,
        Only,
        Overlap,
        PerSample,
        Points,
        Polygons,
        Union,
    )
    from terrasweep.samplers.spec.rules import (
        Component,
        Difference,
        EntropyHistogram,
        EntropyWeighted,
        Mixture,
        Stratified,
        Uniform,
        Zero,
    )
    from terrasweep.sweeps.reading.sweep_file import read
    from terrasweep.sweeps.spec.compositions import CompositionEntry
    from terrasweep.sweeps.spec.sweep import Sweep

_PLACES = "terrasweep.samplers.spec.places"
_RULES = "terrasweep.samplers.spec.rules"
_HOMES = {
    "Box": _PLACES,
    "Cities": _PLACES,
    "Component": _RULES,
    "CompositionEntry": "terrasweep.sweeps.spec.compositions",
    "Difference": _RULES,
    "EntropyHistogram": _RULES,
    "EntropyTop": _PLACES,
    "EntropyWeighted": _RULES,
    "Mixture": _RULES,
    "NaturalForest": _PLACES,
    "Only": _PLACES,
    "Overlap": _PLACES,
    "PerSample": _PLACES,
    "Points": _PLACES,
    "Polygons": _PLACES,
    "Stratified": _RULES,
    "Sweep": "terrasweep.sweeps.spec.sweep",
    "Uniform": _RULES,
    "Union": _PLACES,
    "Zero": _RULES,
    "encode": "terrasweep.models.checkpoints.encoding",
    "read": "terrasweep.sweeps.reading.sweep_file",
}

__all__ = [  # noqa: RUF022 - first what one starts with, then the rules
    "Sweep",
    "CompositionEntry",
    "read",
    "encode",
    "Zero",
    "PerSample",
    "Uniform",
    "Only",
    "Cities",
    "Points",
    "NaturalForest",
    "Polygons",
    "Box",
    "EntropyTop",
    "EntropyWeighted",
    "EntropyHistogram",
    "Stratified",
    "Union",
    "Overlap",
    "Difference",
    "Component",
    "Mixture",
]


if os.path.isfile(os.path.join(os.path.dirname(__file__), "infra")):
    # Git writes links as small text files where the system has none, as on Windows by default.
    raise ImportError(
        "Expected links to the package's folders in src/terrasweep, got text files. "
        "Fix: run `git config core.symlinks true` and check the repository out again, "
        "or install terrasweep as a wheel"
    )


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value  # found without this function from now on
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
