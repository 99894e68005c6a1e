"""Where the repository lies, and the real data beside it that some tests read if it is there."""

from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"
