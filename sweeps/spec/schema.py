"""The JSON Schema of a sweep file, for editors and for people who look a field up."""

from typing import Any

from terrasweep.sweeps.spec.sweep import Sweep


def schema() -> dict[str, Any]:
    """Return the schema of what a sweep file may say; every field has a description."""
    made = Sweep.model_json_schema(mode="validation")
    for node in (made, *made.get("$defs", {}).values()):
        for name, field in node.get("properties", {}).items():
            if "const" in field and "description" not in field:
                field["description"] = f"Says that this is `{field['const']}`, by its {name}."
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
