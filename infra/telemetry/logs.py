"""What happens to each key, one line of JSON each: for people with a log store, and for grep.

A line always has `at`, `event` and `key`. Nothing is written unless somebody asked for it.
"""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from terrasweep.infra.errors import UserError

STDOUT = "-"
_log = logging.getLogger("terrasweep")
_log.propagate = False
_log.addHandler(logging.NullHandler())


def tell(event: str, *, key: str, **fields: object) -> None:
    """Say what happened to a key."""
    if _log.isEnabledFor(logging.INFO):
        _log.info(event, extra={"fields": {"key": key, **fields}})


@contextmanager
def written_to(where: str | None) -> Iterator[None]:
    """Write what is told within the block to a file, or to standard output for `-`.

    Raises:
        UserError: If the file cannot be written.
    """
    if where is None:
        yield
        return
    handler = _handler(where)
    handler.setFormatter(_Json())
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    try:
        yield
    finally:
        _log.setLevel(logging.NOTSET)
        _log.removeHandler(handler)
        handler.close()


def _handler(where: str) -> logging.Handler:
    if where == STDOUT:
        return logging.StreamHandler(sys.stdout)
    try:
        return logging.FileHandler(where, encoding="utf-8")
    except OSError as error:
        got = error.strerror or str(error)
        fix = "name a file that can be written, or - for standard output"
        raise UserError(f"to write a log to {where}", got=got, fix=fix) from None


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Return one line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, "fields", {})
        return json.dumps({"at": at, "event": record.getMessage(), **fields}, default=str)
