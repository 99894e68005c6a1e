"""Whether this machine can run a sweep: what is there, what is missing, what to do."""

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from terrasweep.infra.errors import TerrasweepError
from terrasweep.infra.install import package_folder
from terrasweep.infra.storage.store import Store
from terrasweep.samplers.maps import files

LIBRARIES = {
    "torch": (2, 13),
    "ray": (2, 60),
    "mlflow": (3, 7),
    "pyarrow": (21,),
    "numpy": (2,),
    "pydantic": (2, 10),
    "h3": (4,),
    "h3ronpy": (0, 22),
    "geopandas": (1,),
    "scikit-learn": (1, 5),
    "safetensors": (0, 5),
    "matplotlib": (3, 9),
}
FREE_GB = 5
PROBE = "doctor/probe"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    got: str
    fix: str = ""


def examine(store_uri: str) -> list[Finding]:
    """Look at everything; nothing stays behind, and a store that is not there is not made."""
    return [
        _python(),
        _package(),
        *_libraries(),
        *_maps(),
        _store(store_uri),
        _disk(store_uri),
        _memory(),
        _accelerator(),
    ]


def _python() -> Finding:
    got = platform.python_version()
    return Finding("Python 3.11 or newer", sys.version_info >= (3, 11), got, "install a newer one")


def _package() -> Finding:
    return Finding("terrasweep is imported from", ok=True, got=str(package_folder()))


def _libraries() -> Iterator[Finding]:
    for name, floor in LIBRARIES.items():
        expected = f"{name} {'.'.join(map(str, floor))} or newer"
        try:
            got = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Finding(expected, ok=False, got="not installed", fix=f"pip install {name}")
            continue
        yield Finding(expected, _version_parts(got) >= floor, got, f"pip install --upgrade {name}")


def _maps() -> Iterator[Finding]:
    for one in files.present():
        what = f"the map {one.path.name}, if a sweep names it"
        yield Finding(what, ok=True, got=f"content {one.content}")


def _version_parts(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version."""
    parts = version.split("+")[0].split(".")
    return tuple(int(part) for part in parts if part.isdigit())


def _store(uri: str) -> Finding:
    what = "a store that can be read and written"
    try:
        if not _store_exists(uri):
            return Finding(what, ok=True, got=f"none yet at {uri}; `run` makes it")
        store = Store.open(uri)
        store.put(PROBE, b"")
        store.drop(PROBE)
    except TerrasweepError as error:
        return Finding(what, ok=False, got=error.got or str(error), fix=error.fix)
    return Finding(what, ok=True, got=store.uri)


def _store_exists(uri: str) -> bool:
    return Store.open(uri, create=False).get("store.json") is not None


def _disk(uri: str) -> Finding:
    what = f"{FREE_GB} GB free"
    is_local = "://" not in uri or uri.startswith("file://")
    place = Path(uri.removeprefix("file://")).expanduser().resolve() if is_local else Path.home()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free / 1e9
    return Finding(what, free >= FREE_GB, f"{free:.1f} GB at {place}", "free some, or move --store")


def _memory() -> Finding:
    sizes: Callable[[str], int] = os.sysconf
    total = sizes("SC_PAGE_SIZE") * sizes("SC_PHYS_PAGES") / 1e9
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    got = f"{total:.1f} GB, {cpus} CPUs"
    return Finding("4 GB of memory", total >= 4, got, "use a larger machine, or --address")


def _accelerator() -> Finding:
    import torch  # local: seconds, and only this finding needs it

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    names = ", ".join(torch.cuda.get_device_name(place) for place in range(count))
    return Finding("an accelerator, if there is one", ok=True, got=names or "none; CPUs will do")
