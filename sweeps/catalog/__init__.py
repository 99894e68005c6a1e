"""Studies and compositions that are ready to run; values, no code."""
