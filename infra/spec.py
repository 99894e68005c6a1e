"""A spec is a frozen value that says what to make. Its canonical form is what a key hashes."""

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler
from pydantic_core import CoreSchema

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"

DIGEST_HEX = 16  # 64 bits: a million keys collide with probability 3e-8; with 8 hex it is certain.


class Documented(BaseModel):
    """Says in its JSON Schema what stands below each field."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add to the schema what the fields mean."""
        schema = handler(core_schema)
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        for name, meaning in meanings(cls).items():
            if name in fields:
                fields[name].setdefault("description", meaning)
        return schema


@cache
def meanings(kind: type[BaseModel]) -> dict[str, str]:
    """Return what stands below each field of a class, and of those it comes from.

    A field that is declared anew means what its own class says of it, and be it nothing.
    """
    texts: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if issubclass(ancestor, Documented) and ancestor is not Documented:
            anew = vars(ancestor).get("__annotations__", {})
            texts = {name: text for name, text in texts.items() if name not in anew}
            texts |= _below_fields(ancestor)
    return texts


def _below_fields(kind: type) -> dict[str, str]:
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):  # it was typed at a prompt
        return {}
    (definition,) = ast.parse(textwrap.dedent(source)).body
    assert isinstance(definition, ast.ClassDef)
    texts = {}
    for field, below in pairwise(definition.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                texts[name] = inspect.cleandoc(text)
    return texts


class Spec(Documented):
    """What to make, and nothing about where or how fast it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    recipe: ClassVar[int] = 1
    """Raise by one when the code behind this spec starts to give other results."""

    assumed: ClassVar[tuple[str, ...]] = ()
    """Fields whose default is our assumption because the source does not say; logged as such."""


def canonical(value: object) -> Json:
    """Return the one JSON form of a value; fields left at their default are left out.

    The class name is always written: pydantic's own ``exclude_defaults`` drops a
    discriminator that has a default, and two kinds of spec would share a key.

    Raises:
        TypeError: If the value has no single form, such as a function or a tensor.
    """
    match value:
        case Spec():
            return {
                "spec": type(value).__name__,
                "recipe": type(value).recipe,
                **{name: canonical(item) for name, item in _spoken(value).items()},
            }
        case frozenset():
            return sorted((canonical(item) for item in value), key=json.dumps)
        case tuple() | list():
            return [canonical(item) for item in value]
        case Mapping():
            return {str(name): canonical(item) for name, item in value.items()}
        case float():
            return value + 0.0  # folds -0.0, which equals 0.0 but prints otherwise
        case None | bool() | int() | str():
            return value
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical form")


def everything(spec: Spec) -> dict[str, Json]:
    """Return every field, defaults too: what a record keeps beside the canonical form."""
    dumped: dict[str, Json] = spec.model_dump(mode="json", serialize_as_any=True)
    return dumped


def digest(value: Json) -> str:
    """Return the first hex digits of the sha256 of a canonical value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_HEX]


def _spoken(spec: Spec) -> dict[str, object]:
    """Fields that differ from their default."""
    fields = type(spec).model_fields
    pairs = ((name, field, getattr(spec, name)) for name, field in fields.items())
    return {
        name: value
        for name, field, value in pairs
        if value != field.get_default(call_default_factory=True, validated_data={})
    }
