"""What fields mean stands below them, and in the schema."""

from terrasweep.infra.spec import Documented, meanings


class Tree(Documented):
    """A tree."""

    height: float
    """Metres."""
    name: str
    """What people call it."""


class Oak(Tree):
    """An oak."""

    name: str = "oak"
    acorns: int = 0
    """How many,
    in a year."""


def test_a_class_means_what_it_says_and_what_it_comes_from_says():
    assert meanings(Tree) == {"height": "Metres.", "name": "What people call it."}
    assert meanings(Oak) == {"height": "Metres.", "acorns": "How many,\nin a year."}


def test_a_schema_tells_it():
    fields = Oak.model_json_schema()["properties"]
    assert fields["height"]["description"] == "Metres."
    assert "description" not in fields["name"]


def test_of_a_class_typed_at_a_prompt_nothing_is_known():
    typed: dict[str, object] = {"Documented": Documented, "__name__": "nowhere"}
    exec('class Typed(Documented):\n    size: int\n    """Metres."""\n', typed)
    kind = typed["Typed"]
    assert isinstance(kind, type)
    assert issubclass(kind, Documented)
    assert "description" not in kind.model_json_schema()["properties"]["size"]
