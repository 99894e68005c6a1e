"""The commands, a file each: `add` says what it takes, `run` does it and returns the exit code."""
