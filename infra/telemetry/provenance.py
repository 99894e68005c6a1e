"""By which code, on what kind of machine and when something was computed."""

import os
import platform
import shutil
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from terrasweep.infra.install import ROOMS, checkout_folder

UNKNOWN = "unknown"
COMMIT_ENV = "TERRASWEEP_COMMIT"
"""Set for workers, which get the rooms without their checkout: `<commit>` or `<commit>+dirty`."""

LIBRARIES = (
    "terrasweep",
    "torch",
    "ray",
    "numpy",
    "pyarrow",
    "pandas",
    "scikit-learn",
    "h3",
    "h3ronpy",
    "geopandas",
    "pydantic",
    "safetensors",
    "mlflow",
)


class Provenance(BaseModel):
    """By which code, on what kind of machine, and when; nothing in here changes a key."""

    model_config = ConfigDict(frozen=True)

    commit: str
    """The git commit of the rooms, or `unknown`."""
    dirty: bool | None
    """Whether the rooms differed from that commit; nothing if unknown."""
    versions: dict[str, str]
    """Of Python and of the libraries that compute."""
    platform: str
    """Operating system and processor."""
    cpus: int
    """Cores this process might use."""
    gpu: str | None
    """The accelerator's name."""
    started: str
    """ISO time, UTC."""
    seconds: float
    """How long it took."""


def provenance(*, started: datetime, seconds: float) -> Provenance:
    """Return by which code and on what kind of machine this process computes."""
    commit, dirty = checkout()
    return Provenance(
        commit=commit,
        dirty=dirty,
        versions=dict(_versions()),
        platform=platform.platform(),
        cpus=os.cpu_count() or 1,
        gpu=_gpu(),
        started=started.astimezone(UTC).isoformat(),
        seconds=round(seconds, 3),
    )


@cache
def checkout() -> tuple[str, bool | None]:
    """Return the git commit of the rooms and whether they differ from it."""
    value = os.environ.get(COMMIT_ENV)
    if value:
        commit, _, dirty = value.partition("+")
        return commit, bool(dirty)
    folder = checkout_folder()
    # An installed copy must not answer for a repository around it.
    if not (folder / ".git").exists():
        return UNKNOWN, None
    head = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--", *ROOMS)
    return (UNKNOWN, None) if head is None else (head, bool(changes))


def commit() -> str:
    """Return the commit as a row tells it and as `COMMIT_ENV` takes it."""
    head, dirty = checkout()
    return f"{head}+dirty" if dirty else head


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    versions = [("python", platform.python_version())]
    for name in LIBRARIES:
        try:
            versions.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(versions)


@cache
def _gpu() -> str | None:
    """Ask the driver's own tool: torch would be slow to import and may not be needed."""
    if shutil.which("nvidia-smi") is None:
        return None
    output = _run("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")
    return output.splitlines()[0].strip() if output else None


def _git(folder: Path, *words: str) -> str | None:
    return _run("git", "-C", str(folder), *words)


def _run(*command: str) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
