"""File formats: one module reads one format and refuses what does not fit it."""
