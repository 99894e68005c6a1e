"""The files that users bring: where their paths start, and what their content is called.

There is one digest for each meaning, and their values must stay as they are: specs name them.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

DIGITS: Final = 16
"""How many hex digits a spec names as `content`."""


def pools_folder() -> Path:
    """Return the folder that relative paths start at: TERRASWEEP_POOLS, or the current one."""
    return Path(os.environ.get("TERRASWEEP_POOLS", ".")).expanduser()


def resolve(path: str) -> Path:
    """Return where a path of a spec leads; a relative one starts at the pools' folder."""
    return pools_folder() / Path(path).expanduser()


def digest_of_file(path: Path) -> str:
    """Return the digest of one file: of its bytes and of nothing else."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]


def digest_of_parts(parts: Iterable[str | bytes]) -> str:
    """Return the digest of a pool's parts in order, such as names and sizes of its files.

    Each part is preceded by its length, so that moving a border between two parts shows.
    """
    hashed = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        hashed.update(len(data).to_bytes(8) + data)
    return hashed.hexdigest()[:DIGITS]
