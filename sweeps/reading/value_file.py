"""Small files that stand beside a sweep: values of a deployment, profiles of a cluster."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from terrasweep.infra.errors import SpecError
from terrasweep.sweeps.reading.problems import coercions, problems
from terrasweep.sweeps.reading.yaml import Problem, YamlProblemError, parse

Part = TypeVar("Part", bound=BaseModel)


def read_part(path: Path, kind: type[Part], *, called: str) -> Part:
    """Return what a YAML file says.

    Raises:
        SpecError: With file, line, column and field, one line for each thing that is wrong.
    """
    try:
        document = parse(path.read_bytes())
        value = kind.model_validate(document.data)
    except YamlProblemError as error:
        raise _file_error(path, [error.problem]) from None
    except ValidationError as error:
        raise _file_error(path, problems(error, kind=kind, marks=document.marks)) from None
    except OSError as error:
        got = error.strerror or str(error)
        fix = "check the path; docs/cluster.md shows such a file"
        raise SpecError(f"{called} in {path}", got=got, fix=fix) from None
    slips = list(coercions(document.data, value.model_dump(mode="json"), marks=document.marks))
    if slips:
        raise _file_error(path, slips)
    return value


def _file_error(path: Path, all_problems: list[Problem]) -> SpecError:
    return SpecError("\n".join(dict.fromkeys(one.line(str(path)) for one in all_problems)))
