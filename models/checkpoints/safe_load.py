"""Opens what `torch.save` wrote without running any of it.

A pickle is a program. torch's own restricted unpickler builds tensors and plain values alone; a
few harmless objects that published files carry beside their weights have stand-ins here, which
keep what they are given and do nothing. Whatever else a file names is refused.
"""

import argparse
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

import torch

from terrasweep.infra.errors import UserError


class Inert:
    """Stands for an object of a library that need not be here; nothing is asked of it."""

    def __new__(cls, *arguments: object) -> Self:
        """Take anything, keep nothing."""
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None:
        """Keep nothing."""


HARMLESS: Final[dict[str, type]] = {
    "argparse.Namespace": argparse.Namespace,
    "lightning.fabric.utilities.data.AttributeDict": OrderedDict,
    "lightning_fabric.utilities.data.AttributeDict": OrderedDict,
    "pytorch_lightning.utilities.parsing.AttributeDict": OrderedDict,
    "pathlib.Path": Inert,
    "pathlib.PosixPath": Inert,
    "pathlib.WindowsPath": Inert,
    "numpy.dtype": Inert,
    "numpy.core.multiarray.scalar": Inert,
    "numpy._core.multiarray.scalar": Inert,
}
"""What stands for a name in a pickle; none of it is imported or called by its own name."""

_GLOBAL = re.compile(r"GLOBAL (\S+)")
_DO: Final = "download it again from its authors, or check that it is what they published"


def unpickled(path: Path) -> object:
    """Return what a file of `torch.save` holds, with all tensors on the CPU.

    Raises:
        UserError: If it is no such file, is cut off, or asks for code to be run.
    """
    expected = f"a checkpoint as torch.save writes it in {path}"
    if not path.is_file():
        got = "a folder" if path.is_dir() else "no such file"
        raise UserError(expected, got=got, fix="name the file that the authors publish")
    try:
        return _loaded(path)
    except UserError:
        raise
    except Exception as error:  # a hostile file may raise anything
        raise UserError(expected, got=_reason(error), fix=_DO) from error


def _loaded(path: Path) -> object:
    is_zip = zipfile.is_zipfile(path)
    if is_zip:
        _refuse_bombs(path)
    stand_ins: list[Callable[..., object] | tuple[Callable[..., object], str]] = [
        (kind, name) for name, kind in HARMLESS.items()
    ]
    with warnings.catch_warnings(), torch.serialization.safe_globals(stand_ins):
        warnings.simplefilter("ignore")  # files of old versions; nobody here can mend them
        return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)


def _refuse_bombs(path: Path) -> None:
    """Refuse an archive that unpacks to more than itself: torch never compresses."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(one.file_size for one in archive.infolist())
    if unpacked > path.stat().st_size:
        got = f"an archive of {path.stat().st_size:,} bytes that unpacks to {unpacked:,}"
        raise UserError(f"a checkpoint as torch.save writes it in {path}", got=got, fix=_DO)


def _reason(error: Exception) -> str:
    """Return in a few words why a file cannot be opened."""
    named = _GLOBAL.search(str(error))
    if named is not None:
        return f"a pickle that asks for {named[1]}, which could run code; nothing was run"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    message = lines[0].split(". ")[0] if lines else "nothing more is known"
    return f"a file that cannot be read ({type(error).__name__}: {message})"
