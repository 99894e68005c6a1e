"""YAML as plain values, with the line and column of every value and every field name.

PyYAML's loader forgets where a value stood and lets a later key replace an earlier one. Here the
node tree is walked by hand, so both are kept. Values only: no tags that build Python objects, no
merge keys, no reference to itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from terrasweep.infra.errors import SpecError

Trail: TypeAlias = tuple[str | int, ...]
MAX_NODES = 200_000  # an alias of an alias of an alias can blow up a few lines beyond any memory

_EXPECTED_TOKEN = re.compile(r"expected (?P<expected>.+), but (?:found|got) (?P<got>.+)", re.DOTALL)
_TOKENS = {
    "<block end>": "the end of the block",
    "<block mapping start>": "a mapping",
    "<block sequence start>": "a list",
    "<document start>": "a second document",
    "<scalar>": "a value",
    "<stream end>": "the end of the file",
}
"""What PyYAML calls its tokens, in words."""

PLAIN = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


@dataclass(frozen=True)
class Mark:
    """A place in a text, counted from one."""

    line: int
    column: int


@dataclass(frozen=True)
class Problem:
    """What is wrong at one place of a file: one line, three parts."""

    mark: Mark | None
    expected: str
    got: str
    fix: str

    def line(self, source: str) -> str:
        """Return the problem as one line that names file, line and column."""
        place = f"{source}:{self.mark.line}:{self.mark.column}" if self.mark else source
        error = SpecError(self.expected, got=self.got, fix=self.fix)
        return " ".join(f"{place}: {error}".split())


class YamlProblemError(ValueError):
    """The text is not one document of plain values."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem for the sentence."""
        super().__init__(problem.expected)
        self.problem = problem


@dataclass(frozen=True)
class Document:
    """What a YAML text says, and where it says it."""

    data: object
    marks: dict[Trail, Mark] = field(default_factory=dict)
    """Where each value stands; for a field, where its name stands."""


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads `1e-3` as the number it is; YAML 1.1 calls it text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def parse(raw: bytes) -> Document:
    """Read one document of plain values.

    Raises:
        YamlProblemError: With the place and what to do.
    """
    loader = _loader(_decoded(raw))
    try:
        root = loader.get_single_node()
        if root is None:
            fix = "`terrasweep spec schema` lists the fields; the catalogue has examples"
            raise YamlProblemError(Problem(Mark(1, 1), "a sweep", "an empty file", fix))
        marks: dict[Trail, Mark] = {}
        return Document(_Walk(loader, marks).value(root, (), above=()), marks)
    except yaml.MarkedYAMLError as error:
        raise YamlProblemError(_syntax_problem(error)) from None
    except RecursionError:
        fix = "write the values flat"
        raise YamlProblemError(Problem(None, "a plain file", "very deep nesting", fix)) from None
    except ValueError as error:
        if isinstance(error, YamlProblemError):
            raise
        fix = "write it in quotes if it is text"
        raise YamlProblemError(Problem(None, "plain values", str(error), fix)) from None


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        got = f"the byte 0x{raw[error.start]:02x}"
        fix = "save the file as UTF-8"
        raise YamlProblemError(Problem(Mark(line, column), "UTF-8 text", got, fix)) from None


def _loader(text: str) -> _Loader:
    try:
        return _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - (text.rfind("\n", 0, error.position) + 1) + 1
        got = f"the control character {error.character!r}"
        problem = Problem(Mark(line, column), "printable text", got, "delete that character")
        raise YamlProblemError(problem) from None


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    at = error.problem_mark or error.context_mark
    text = _in_words(error.problem or error.context or "something else")
    expected, got = "valid YAML", text.removeprefix("but ").removeprefix("found ")
    tokens = _EXPECTED_TOKEN.fullmatch(text)
    if tokens is not None:
        expected, got = f"valid YAML with {tokens['expected']} at this point", tokens["got"]
    return Problem(
        Mark(at.line + 1, at.column + 1) if at else None, expected, got, _syntax_fix(text)
    )


def _in_words(text: str) -> str:
    """Return an error of PyYAML with its names of tokens in words."""
    for token, words in _TOKENS.items():
        text = text.replace(f"'{token}'", words).replace(token, words)
    return text


def _syntax_fix(text: str) -> str:
    if "'\\t'" in text:
        return "indent with spaces instead of tabs"
    if "alias" in text:
        return "define the anchor above, or write the value out"
    if "another document" in text:
        return "keep one sweep in one file, without `---` between"
    if "constructor for the tag" in text:
        return "remove the tag; a sweep holds plain values only"
    return "correct the YAML there; the cause may be just before it"


@dataclass
class _Walk:
    """One walk over the nodes of a document."""

    loader: _Loader
    marks: dict[Trail, Mark]
    num_nodes: int = 0

    def value(self, node: yaml.Node, path: Trail, *, above: tuple[yaml.Node, ...]) -> object:
        """Return what a node says and note where it stands."""
        self._check(node, above)
        self.marks.setdefault(path, _mark(node))
        inner = (*above, node)
        if isinstance(node, yaml.MappingNode):
            return {
                name: self.value(item, (*path, name), above=inner)
                for name, item in self._pairs(node, path)
            }
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self.value(item, (*path, i), above=inner) for i, item in items]
        return self._scalar(node)

    def _pairs(self, node: yaml.MappingNode, path: Trail) -> Iterator[tuple[str, yaml.Node]]:
        first: dict[str, Mark] = {}
        for name_node, item in node.value:
            name, mark = self._name(name_node), _mark(name_node)
            if name in first:
                got = f"{name!r} a second time (first in line {first[name].line})"
                problem = Problem(mark, "every field once", got, "drop one of the two")
                raise YamlProblemError(problem)
            first[name] = mark
            self.marks[(*path, name)] = mark
            yield name, item

    def _name(self, node: yaml.Node) -> str:
        plain = isinstance(node, yaml.ScalarNode)
        name = self._scalar(node) if plain and node.tag != "tag:yaml.org,2002:merge" else node.value
        if plain and isinstance(name, str) and name != "<<":
            return name
        got = "a list or a mapping"
        if plain:
            read_as = "" if isinstance(name, str) else f", which YAML reads as {name!r}"
            got = f"{node.value!r}{read_as}"
        fix = "write every field out" if plain and node.value == "<<" else "put the name in quotes"
        raise YamlProblemError(Problem(_mark(node), "a field name", got, fix))

    def _scalar(self, node: yaml.Node) -> object:
        try:
            return self.loader.construct_object(node)
        except ValueError as error:
            fix = "write it in quotes if it is text"
            raise YamlProblemError(Problem(_mark(node), "a value", str(error), fix)) from None

    def _check(self, node: yaml.Node, above: tuple[yaml.Node, ...]) -> None:
        self.num_nodes += 1
        if not isinstance(node, yaml.ScalarNode) and node.tag not in PLAIN:
            problem = Problem(_mark(node), "plain values", f"the tag {node.tag!r}", "drop the tag")
            raise YamlProblemError(problem)
        if any(node is one for one in above):
            fix = "write the value out"
            problem = Problem(_mark(node), "a value", "an anchor that holds itself", fix)
            raise YamlProblemError(problem)
        if self.num_nodes > MAX_NODES:
            got = f"more than {MAX_NODES:,} values"
            raise YamlProblemError(Problem(_mark(node), "a small file", got, "use fewer aliases"))


def _mark(node: yaml.Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)
