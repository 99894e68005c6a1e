"""The twelve data sets of GEO-Bench, version 1."""
