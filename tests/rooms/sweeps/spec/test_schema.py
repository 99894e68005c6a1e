"""The schema of a sweep file says what every field means, and agrees with the reader."""

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import yaml

from terrasweep.sweeps.reading.sweep_file import CATALOG, studies
from terrasweep.sweeps.spec.sweep import json_schema


def fields(node: object, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        for name, field in node.get("properties", {}).items():
            yield f"{path}.{name}", field
        for name, inner in node.items():
            yield from fields(inner, f"{path}.{name}")


def test_every_field_has_a_description():
    found = dict(fields(json_schema()))
    assert len(found) > 40
    assert [path for path, field in found.items() if not field.get("description")] == []


@pytest.mark.parametrize("name", studies())
def test_the_catalogue_keeps_the_schema(name: str):
    data = yaml.safe_load((CATALOG / f"{name}.yaml").read_text())
    jsonschema.Draft202012Validator(json_schema()).validate(data)


@pytest.mark.parametrize("slip", ["colour", "models.0.model.colour", "models.0.pool.colour"])
def test_a_stranger_does_not_keep_the_schema(slip: str):
    data = copy.deepcopy(yaml.safe_load((CATALOG / "smoke.yaml").read_text()))
    home, *path = data, *slip.split(".")
    for part in path[:-1]:
        home = home[int(part)] if part.isdigit() else home[part]
    home[path[-1]] = "red"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema()).validate(data)
