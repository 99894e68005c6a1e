"""Models whose fields are documented by the sentence below each, read when a schema is asked for.

Pydantic's ``use_attribute_docstrings`` reads the source of every class as it is imported, through
every module that is loaded: a third of a second in each process of a sweep, for what only a schema
shows.
"""

import ast
import inspect
import textwrap
from functools import cache
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic_core import CoreSchema


class Documented(BaseModel):
    """Says in its JSON Schema what stands below each field."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Add to the schema what the fields mean."""
        schema = handler(core_schema)
        fields = handler.resolve_ref_schema(schema).get("properties", {})
        for name, said in meanings(cls).items():
            if name in fields:
                fields[name].setdefault("description", said)
        return schema


@cache
def meanings(kind: type[BaseModel]) -> dict[str, str]:
    """Return what stands below each field of a class, and of those it comes from.

    A field that is declared anew means what its own class says of it, and be it nothing.
    """
    said: dict[str, str] = {}
    for ancestor in reversed(kind.__mro__):
        if issubclass(ancestor, Documented) and ancestor is not Documented:
            anew = vars(ancestor).get("__annotations__", {})
            said = {name: text for name, text in said.items() if name not in anew}
            said |= _below_fields(ancestor)
    return said


def _below_fields(kind: type) -> dict[str, str]:
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):  # it was typed at a prompt
        return {}
    (definition,) = ast.parse(textwrap.dedent(source)).body
    assert isinstance(definition, ast.ClassDef)
    said = {}
    for field, below in pairwise(definition.body):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                said[name] = inspect.cleandoc(text)
    return said
