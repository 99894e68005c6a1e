"""The fields of full finetuning."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator

from terrasweep.models.spec import FinetuningSpec, ModelSpec, ProbeSpec, Target


def _like(value: object) -> object:
    """Let `like: satmae` stand for all that its authors publish; what is written beside it wins."""
    if not isinstance(value, Mapping) or "like" not in value:
        return value
    from terrasweep.models.members import (
        ZOO,  # local: the members' union is being built from this module
    )

    network: Any = ZOO.spec(str(value["like"]))
    own = {name: field for name, field in value.items() if name != "like"}
    return {**network.finetuning.model_dump(), **own}


class FullSpec(ProbeSpec):
    """The network and a linear head on its features, trained together on the draw."""

    judges: ClassVar[tuple[Target, ...]] = ("binary", "classes", "labels", "number")
    trains: ClassVar[Literal["features", "network"]] = "network"

    name: Literal["full"]
    tuning: Annotated[
        FinetuningSpec | None,
        BeforeValidator(_like, json_schema_input_type=FinetuningSpec | dict[str, Any] | None),
    ] = None
    """How; left out, as the authors of each network publish it. `like: satmae` begins with theirs,
    and what is written beside it wins."""

    def for_network(self, model: ModelSpec) -> "FullSpec":
        """Return it with a recipe: the network's authors', if none is written."""
        return self if self.tuning else self.model_copy(update={"tuning": model.finetuning})
