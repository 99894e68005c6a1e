"""A sweep by its name in the catalogue, from a YAML file, or as `file.py:NAME`."""

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import cast

from pydantic import ValidationError

from terrasweep.infra.errors import SpecError, TerrasweepError, nearest
from terrasweep.sweeps.reading.problems import MAX_PROBLEMS, coercions, problems
from terrasweep.sweeps.reading.yaml import Document, Mark, Problem, Trail, YamlProblemError, parse
from terrasweep.sweeps.spec.compositions import CompositionEntry
from terrasweep.sweeps.spec.sweep import PoolFile, Sweep

CATALOG = Path(__file__).parents[1] / "catalog"
SUFFIXES = (".yaml", ".yml")


def studies() -> tuple[str, ...]:
    """Return the names of the studies in the catalogue, sorted."""
    return tuple(sorted(path.stem for path in CATALOG.glob("*.yaml")))


def compositions() -> tuple[str, ...]:
    """Return the names of the compositions in the catalogue, sorted."""
    return tuple(sorted(path.stem for path in (CATALOG / "compositions").glob("*.yaml")))


def read(name: str) -> Sweep:
    """Return the sweep that a name, a YAML file or `file.py:NAME` stands for.

    Raises:
        SpecError: With file, line, column and field, one line for each thing that is wrong.
    """
    if name in studies():
        return _from_yaml(CATALOG / f"{name}.yaml")
    file, _, attribute = name.rpartition(":")
    if file.endswith(".py"):
        return _from_python(Path(file), attribute)
    path = Path(name)
    if path.suffix == ".py":
        got = "no name of a sweep in it"
        raise SpecError(f"a sweep in {name}", got=got, fix=f"write {name}:NAME")
    if path.suffix in SUFFIXES or "/" in name or path.is_file():
        return _from_yaml(path)
    fix = f"{nearest(name, studies())}; a file is named with its suffix .yaml"
    raise SpecError("a sweep of the catalogue or a file", got=repr(name), fix=fix)


def composition(name: str) -> CompositionEntry:
    """Return a composition of the catalogue; one that says no size has none yet."""
    known = compositions()
    if name not in known:
        expected = "a composition of the catalogue"
        raise SpecError(expected, got=repr(name), fix=nearest(name, known))
    path = CATALOG / "compositions" / f"{name}.yaml"
    document = _parsed(path)
    try:
        return CompositionEntry.model_validate(_with_name(name, document.data))
    except ValidationError as error:
        raise _file_error(
            path, problems(error, kind=CompositionEntry, marks=document.marks)
        ) from None


def read_pool(path: Path) -> PoolFile | None:
    """Return what a file says that holds `pool:`, perhaps what goes with it, and nothing else.

    Raises:
        SpecError: If the pool makes no sense, one line for each thing that is wrong.
    """
    document = _parsed(path)
    if not isinstance(document.data, dict) or "pool" not in document.data:
        return None
    if not set(document.data) <= set(PoolFile.model_fields):
        return None
    try:
        return PoolFile.model_validate(document.data)
    except ValidationError as error:
        raise _file_error(path, problems(error, kind=PoolFile, marks=document.marks)) from None


def _from_yaml(path: Path) -> Sweep:
    document = _parsed(path)
    if not isinstance(document.data, dict):
        got = f"a {type(document.data).__name__}"
        fix = "begin with `name:`; `terrasweep spec schema` lists the fields"
        mark = document.marks[()]
        raise _file_error(path, [Problem(mark, "fields with values at the top level", got, fix)])
    data, unknown = _with_catalogue(document)
    try:
        sweep = Sweep.model_validate(data)
    except ValidationError as error:
        schema_problems = problems(error, kind=Sweep, marks=document.marks)
        bare = [problem for problem in schema_problems if not _covers(unknown, problem)]
        raise _file_error(path, [*unknown, *bare]) from None
    kind_to = list(coercions(data, sweep.model_dump(mode="json"), marks=document.marks))
    if kind_to:
        raise _file_error(path, kind_to)
    return sweep


def _parsed(path: Path) -> Document:
    try:
        return parse(path.read_bytes())
    except YamlProblemError as error:
        raise _file_error(path, [error.problem]) from None
    except FileNotFoundError:
        fix = f"check the path, or name a study of the catalogue: {', '.join(studies())}"
        raise SpecError(f"the sweep file {path}", got="no such file", fix=fix) from None
    except IsADirectoryError:
        fix = "name the YAML file in it"
        raise SpecError(f"the sweep file {path}", got="a folder", fix=fix) from None
    except OSError as error:
        got = error.strerror or str(error)
        fix = "make it readable, or name another file"
        raise SpecError(f"to read {path}", got=got, fix=fix) from None


def _file_error(path: Path, all_problems: Iterable[Problem]) -> SpecError:
    """Return the error of a file: one line for each problem, the first ones if there are many."""
    lines = list(dict.fromkeys(problem.line(str(path)) for problem in all_problems))
    more = len(lines) - MAX_PROBLEMS
    rest = [f"{path}: and {more} more; mend these first"] if more > 0 else []
    return SpecError("\n".join([*lines[:MAX_PROBLEMS], *rest]))


def _with_catalogue(document: Document) -> tuple[dict[str, object], list[Problem]]:
    """Return the data with bare composition names written out, and the names that are unknown."""
    data = cast("dict[str, object]", document.data)
    entries = data.get("compositions")
    if not isinstance(entries, list):
        return data, []
    unknown: list[Problem] = []
    filled: list[object] = []
    for place, entry in enumerate(entries):
        if not isinstance(entry, str):
            filled.append(_with_rule(entry))
        elif entry in compositions():
            filled.append(_with_name(entry, _parsed(_composition_path(entry)).data))
        else:
            filled.append(entry)
            mark = document.marks.get(("compositions", place))
            unknown.append(_unknown_composition(entry, place, mark))
    return {**data, "compositions": filled}, unknown


def _with_rule(entry: object) -> object:
    """Let an entry that says no rule, only a size or sizes, have the catalogue's of its name."""
    if not isinstance(entry, dict) or {"rule", "checkpoint"} & entry.keys():
        return entry
    if entry.get("name") not in compositions():
        return entry
    catalogued = _parsed(_composition_path(entry["name"])).data
    return {**catalogued, **entry} if isinstance(catalogued, dict) else entry


def _composition_path(name: str) -> Path:
    return CATALOG / "compositions" / f"{name}.yaml"


def _unknown_composition(name: str, place: int, mark: Mark | None) -> Problem:
    expected = f"`compositions.{place}`: a composition of the catalogue"
    fix = f"{nearest(name, compositions())}; or write out its name and rule"
    return Problem(mark, expected, repr(name), fix)


def _with_name(name: str, data: object) -> object:
    return {"name": name, **data} if isinstance(data, dict) else data


def _covers(unknown: list[Problem], problem: Problem) -> bool:
    """Return whether a problem stands where an unknown composition is already reported."""
    return any(problem.mark == known.mark for known in unknown)


def _from_python(path: Path, attribute: str) -> Sweep:
    module = _imported(path)
    sweeps = {name: value for name, value in vars(module).items() if isinstance(value, Sweep)}
    if attribute in sweeps:
        return sweeps[attribute]
    if hasattr(module, attribute):
        kind = type(getattr(module, attribute)).__name__
        fix = f"assign a Sweep to it; {nearest(attribute, sweeps)}"
        raise SpecError(f"a Sweep named {attribute} in {path}", got=f"a {kind}", fix=fix)
    expected = f"a Sweep named {attribute!r} in {path}"
    raise SpecError(expected, got="no such name", fix=nearest(attribute, sweeps))


def _imported(path: Path) -> ModuleType:
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise SpecError(f"the Python file {path}", got=got, fix="check the path")
    spec = importlib.util.spec_from_file_location(f"_sweep_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except TerrasweepError:
        raise
    except ValidationError as error:
        kinds: Mapping[str, type] = {"Sweep": Sweep, "CompositionEntry": CompositionEntry}
        kind = kinds.get(error.title, Sweep)
        no_marks: dict[Trail, Mark] = {}
        raise _file_error(path, problems(error, kind=kind, marks=no_marks)) from None
    except Exception as error:  # whatever a user's file may raise
        fix = "mend the file; --debug shows where"
        raise SpecError(f"to run {path}", got=_error_text(error, path), fix=fix) from error
    return module


def _error_text(error: Exception, path: Path) -> str:
    """Return an error of a user's file with the last of its lines that was reached."""
    line, step = None, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == str(path):
            line = step.tb_lineno
        step = step.tb_next
    line = getattr(error, "lineno", None) or line
    place = f" in line {line}" if line else ""
    return f"{type(error).__name__}: {error}{place}"
