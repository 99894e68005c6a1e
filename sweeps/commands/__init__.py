"""The commands, a file each: `add` adds its arguments, `run` does it and returns the exit code."""
