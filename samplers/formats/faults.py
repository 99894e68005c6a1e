"""What is wrong with a file, or with one row of it."""

from pathlib import Path

from terrasweep.infra.errors import TaskError


class Unfit(Exception):
    """A row cannot be used; the message is the reason that the rejects table counts it under."""


def malformed(path: Path, *, expected: str, got: str) -> TaskError:
    """Return the error of a file that is there and does not hold what it should."""
    return TaskError(
        f"{expected} in {path}",
        got=got,
        fix="restore the file from where the task came from",
    )
