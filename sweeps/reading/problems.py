"""Problems that a validator found, as sentences that name the field."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from typing import TypeAlias, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from terrasweep.infra.errors import InvalidValueError, nearest
from terrasweep.samplers.spec.tasks import ALL_SAMPLES
from terrasweep.sweeps.reading.yaml import Mark, Problem, Trail

Node: TypeAlias = "Mapping[str, object]"
MAX_PROBLEMS = 10

_NOUNS = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "string": "text",
    "bool": "true or false",
    "tuple": "a list",
    "model": "fields with values",
    "dict": "fields with values",
}
"""What was expected, by the first word of pydantic's error type."""

_BOUNDS = {
    "greater_than": ("gt", "greater than"),
    "greater_than_equal": ("ge", "of at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "of at most"),
}


def problems(
    error: ValidationError, *, kind: type[BaseModel], marks: Mapping[Trail, Mark]
) -> list[Problem]:
    """Return one problem for each thing that is wrong, in order of place."""
    schema = _schema(kind)
    errors = error.errors(include_url=False)
    locs = [tuple(one["loc"]) for one in errors]
    listed = [
        _Finding(one, schema, marks).problem()
        for one, loc in zip(errors, locs, strict=True)
        if not (one["type"] == "too_short" and _lies_above_another(loc, locs))
        and not (one["type"] == "missing" and _is_misspelt(loc, errors))
    ]
    return sorted(listed, key=lambda one: (one.mark.line, one.mark.column) if one.mark else (0, 0))


ALL = "all"
"""Stands for every sample there is on the axis `n`."""


@cache
def _schema(kind: type[BaseModel]) -> Node:
    return kind.model_json_schema()


def coercions(data: object, validated: object, *, marks: Mapping[Trail, Mark]) -> Iterator[Problem]:
    """Yield a problem where a validator took text for a number, or yes for one.

    Pydantic is kind to `epochs: "3"` and `epochs: true`; in a file that is a slip.
    """
    yield from _coercions(data, validated, (), marks)


def _coercions(
    data: object, validated: object, trail: Trail, marks: Mapping[Trail, Mark]
) -> Iterator[Problem]:
    if isinstance(data, dict) and isinstance(validated, dict):
        for name in data.keys() & validated.keys():
            yield from _coercions(data[name], validated[name], (*trail, name), marks)
    elif isinstance(data, list) and isinstance(validated, list) and len(data) == len(validated):
        for place, (one, other) in enumerate(zip(data, validated, strict=True)):
            yield from _coercions(one, other, (*trail, place), marks)
    elif data == ALL and validated == ALL_SAMPLES:
        return  # the one word that stands for a number
    else:
        given, taken = _value_kind(data), _value_kind(validated)
        if given == taken or not {given, taken} <= {"bool", "number", "text"}:
            return
        expected = {"bool": "true or false", "number": "a number", "text": "text"}[taken]
        fix = "take the quotes off" if isinstance(data, str) else f"write {expected}"
        mark = _nearest_mark(trail, marks)
        yield Problem(mark, f"`{_dotted(trail)}`: {expected}", repr(data), fix)


def _value_kind(value: object) -> str:
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case _:
            return "other"


class _Finding:
    """One error of pydantic, seen beside the schema and the marks of the file."""

    def __init__(self, error: ErrorDetails, schema: Node, marks: Mapping[Trail, Mark]) -> None:
        self.kind = error["type"]
        self.message = error["msg"].removeprefix("Value error, ")
        self.input = error["input"]
        self.ctx: dict[str, object] = dict(error.get("ctx", {}))
        at = str(self.ctx.get("at", ""))
        inner = tuple(int(part) if part.isdigit() else part for part in at.split(".") if part)
        self.loc: Trail = (*error["loc"], *inner)
        self.schema, self.marks = schema, marks

    def problem(self) -> Problem:
        """Return the sentence."""
        expected, got, fix = self._parts()
        tag = str(self.ctx.get("discriminator", "")).strip("'")
        return Problem(_nearest_mark((*self._trail(), tag), self.marks), expected, got, fix)

    def _trail(self) -> Trail:
        """The loc without the tags of unions and of names, which stand in no file."""
        trail = (part for part, _, tag in _walk(self.schema, self.loc) if not tag)
        return tuple(part for part in trail if part != "[key]")

    def _parts(self) -> tuple[str, str, str]:
        field = f"`{_dotted(self._trail())}`" if self.loc else "the sweep"
        match self.kind:
            case "misfit":
                where = f"{field}: " if self.loc else ""
                return where + str(self.ctx["expected"]), str(self.ctx["got"]), str(self.ctx["fix"])
            case "missing":
                return f"the field {field}", "nothing there", f"add it{self._meaning()}"
            case "extra_forbidden":
                return self._unknown_field(field)
            case "union_tag_invalid" | "literal_error" | "enum":
                return self._unknown_name(field)
            case "union_tag_not_found":
                tag = str(self.ctx["discriminator"]).strip("'")
                return f"`{tag}` in {field}", _short_text(self.input), f"say which: {self._tags()}"
            case _:
                return self._malformed(field)

    def _unknown_field(self, field: str) -> tuple[str, str, str]:
        inner = [node for _, node, _ in _walk(self.schema, self.loc[:-1])]
        home = inner[-1] if inner else self.schema
        names = cast("Mapping[str, object]", home.get("properties", {}))
        trail = self._trail()[:-1]
        where = f"`{_dotted(trail)}`" if trail else "a sweep"
        name = str(self.loc[-1])
        return f"a known field of {where}", repr(name), nearest(name, names)

    def _unknown_name(self, field: str) -> tuple[str, str, str]:
        name = self.ctx.get("tag", self.input)
        expected = str(self.ctx.get("expected_tags", self.ctx.get("expected", "")))
        known = expected.replace(" or ", ", ").replace("'", "").split(", ")
        tag = str(self.ctx.get("discriminator", "")).strip("'")
        field = f"{field[:-1]}.{tag}`" if tag else field
        return f"{field}: a known name", _short_text(name), nearest(str(name), known)

    def _tags(self) -> str:
        nodes = [node for _, node, _ in _walk(self.schema, self.loc)]
        mapping = cast("Node", cast("Node", nodes[-1].get("discriminator", {})).get("mapping", {}))
        return ", ".join(mapping)

    def _malformed(self, field: str) -> tuple[str, str, str]:
        got, do = _short_text(self.input), f"correct the value{self._meaning()}"
        if self.kind in _BOUNDS:
            name, words = _BOUNDS[self.kind]
            return f"{field}: a number {words} {self.ctx[name]}", got, do
        least = self.ctx.get("min_length", 1)
        if self.kind == "too_short" and least != 1:
            return f"{field}: at least {least} values", str(self.ctx["actual_length"]), do
        if self.kind in ("too_short", "string_too_short"):
            return f"{field}: at least one value", "none", f"name one{self._meaning()}"
        if self.kind == "string_pattern_mismatch":
            return f"{field}: text that matches {self.ctx['pattern']}", got, do
        if self.kind == "value_error":
            error = self.ctx.get("error")
            if isinstance(error, InvalidValueError):
                return f"{field} to make sense", error.got, error.fix
            return f"{field} to make sense", self.message, do
        noun = _NOUNS.get(self.kind.partition("_")[0])
        return f"{field}: {noun or self.message}", got, do

    def _meaning(self) -> str:
        nodes = list(_walk(self.schema, self.loc))
        description = str(nodes[-1][1].get("description", "")) if nodes else ""
        return f" ({description.split('; ')[0].rstrip('.')})" if description else ""


def _walk(schema: Node, loc: Sequence[str | int]) -> Iterator[tuple[str | int, Node, bool]]:
    """Yield each part of a loc, the schema there, and whether the part is a union's tag."""
    node: Node = schema
    for part in loc:
        node, tag = _child_node(_resolved(schema, node), part)
        node = _with_description(schema, node)
        yield part, node, tag


def _child_node(node: Node, part: str | int) -> tuple[Node, bool]:
    properties = cast("Node", node.get("properties", {}))
    if part in properties:
        return cast("Node", properties[str(part)]), False
    mapping = cast("Node", cast("Node", node.get("discriminator", {})).get("mapping", {}))
    if part in mapping:
        return {"$ref": mapping[str(part)]}, True
    return cast("Node", node.get("items", {})), False


def _resolved(schema: Node, node: Node) -> Node:
    """Return the node behind a reference, or the fields behind `entry or bare name`."""
    if "anyOf" in node:
        options = [_resolved(schema, one) for one in cast("Sequence[Node]", node["anyOf"])]
        with_fields = [one for one in options if "properties" in one]
        if len(with_fields) > 1:
            return _merged(with_fields)
        return next((one for one in options if {"properties", "items"} & one.keys()), options[0])
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        return cast("Node", cast("Node", schema["$defs"])[name])
    return node


def _merged(options: Sequence[Node]) -> Node:
    """Return the fields of all that may stand at one place."""
    fields = [cast("Node", one["properties"]).items() for one in reversed(options)]
    return {**options[0], "properties": dict(pair for own in fields for pair in own)}


def _with_description(schema: Node, node: Node) -> Node:
    """Return the node itself, with the description of the field rather than of its type."""
    return {**_resolved(schema, node), **{k: v for k, v in node.items() if k == "description"}}


def _nearest_mark(trail: Trail, marks: Mapping[Trail, Mark]) -> Mark | None:
    """Return the mark of the longest part of a trail that stands in the file."""
    for length in range(len(trail), -1, -1):
        if trail[:length] in marks:
            return marks[trail[:length]]
    return None


def _lies_above_another(loc: Trail, locs: Sequence[Trail]) -> bool:
    return any(len(other) > len(loc) and other[: len(loc)] == loc for other in locs)


def _is_misspelt(loc: Trail, errors: Sequence[ErrorDetails]) -> bool:
    """Return whether a missing field stands beside an unknown one of nearly its name."""
    strangers = [
        str(one["loc"][-1])
        for one in errors
        if one["type"] == "extra_forbidden" and tuple(one["loc"][:-1]) == loc[:-1]
    ]
    return bool(get_close_matches(str(loc[-1]), strangers, n=1, cutoff=0.6))


def _dotted(trail: Trail) -> str:
    return ".".join(map(str, trail))


def _short_text(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
