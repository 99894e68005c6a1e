"""Where the repository lies, and the real data that some tests read if it is there."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
REAL_DATA = Path(os.environ.get("TERRASWEEP_REAL_DATA") or REPOSITORY.parent / "shared" / "data")
"""Downloads of public data sets; the variable names another folder."""
