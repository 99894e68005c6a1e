"""Webdataset tars: which samples they hold and where in the file, without unpacking.

A sample is a run of members with one key; the key is a member's path up to the first dot of its
file name, and what follows, in lower case, names the part.
"""

import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

CUT = "the archive ends early; what came after is lost"
NO_TAR = "the file cannot be read as a tar archive"

_BLOCK = 512


@dataclass(frozen=True)
class Span:
    """The bytes of one member."""

    tar: Path
    start: int
    size: int

    def read(self) -> bytes:
        """Return the member's bytes."""
        with self.tar.open("rb") as file:
            file.seek(self.start)
            return file.read(self.size)

    def head(self, size: int) -> bytes:
        """Return the first of the member's bytes."""
        return Span(self.tar, self.start, min(size, self.size)).read()


@dataclass(frozen=True)
class Sample:
    """Members that belong together, by what the key leaves of their names."""

    key: str
    parts: Mapping[str, Span]


@dataclass(frozen=True)
class Contents:
    """What a tar holds, and why that is not all."""

    path: Path
    samples: tuple[Sample, ...] = field(default=())
    fault: str = ""


def look_into(path: Path) -> Contents:
    """Return the samples whose members are whole, in the order they lie in."""
    members: list[tuple[str, str, Span]] = []
    end = 0
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                end = member.offset_data + -(-member.size // _BLOCK) * _BLOCK
                if member.isreg():
                    key, part = _named(member.name)
                    members.append((key, part, Span(path, member.offset_data, member.size)))
    except (tarfile.TarError, OSError, EOFError):
        if not members:
            return Contents(path, fault=NO_TAR)
    whole = path.stat().st_size
    kept = [one for one in members if one[2].start + one[2].size <= whole]
    return Contents(path, tuple(_samples(kept)), "" if _ends(path, end) else CUT)


def _samples(members: list[tuple[str, str, Span]]) -> Iterator[Sample]:
    for key, run in groupby(members, key=lambda one: one[0]):
        yield Sample(key, {part: span for _, part, span in run})


def _named(name: str) -> tuple[str, str]:
    folder, slash, base = name.removeprefix("./").rpartition("/")
    stem, _, part = base.partition(".")
    return f"{folder}{slash}{stem}", part.lower()


def _ends(path: Path, end: int) -> bool:
    """Return whether the block of zeros lies where the last member ends."""
    block = Span(path, end, _BLOCK).read()
    return block == bytes(_BLOCK)
