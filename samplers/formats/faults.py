"""What is wrong with a file, or with one row of it."""

from pathlib import Path

from terrasweep.infra.errors import TaskError


class RejectedRow(Exception):
    """A row cannot be used; the message is the reason in the table of rejects."""


def malformed(path: Path, *, expected: str, got: str) -> TaskError:
    """Return the error of a file that is there and does not hold what it should."""
    return TaskError(
        f"{expected} in {path}",
        got=got,
        fix="restore the file from where the task came from",
    )
