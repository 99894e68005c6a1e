"""The only door to matplotlib: every figure of a report, drawn in stand-in colours."""
