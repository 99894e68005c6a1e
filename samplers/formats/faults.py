"""What is wrong with a file, or with one row of it."""

from pathlib import Path

from terrasweep.infra.errors import TaskError


class Unfit(Exception):
    """A row cannot be used; the message is the reason that the rejects table counts it under."""


def malformed(path: Path, *, wanted: str, found: str) -> TaskError:
    """Return the error of a file that is there and does not hold what it should."""
    return TaskError(
        f"wanted {wanted} in {path}",
        found=found,
        do="restore the file from where the task came from",
    )
