"""`python -m sweeps` is `terrasweep`."""

from sweeps.cli import door

door()
