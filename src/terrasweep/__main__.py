"""`python -m terrasweep` is `terrasweep`."""

from terrasweep.sweeps.cli import door

door()
