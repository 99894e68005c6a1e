"""The fields of the constant probe: it has none."""

from typing import Literal

from models.spec import ProbeSpec


class ConstantSpec(ProbeSpec):
    """The commonest class of the draw, whatever the features say."""

    name: Literal["constant"]
