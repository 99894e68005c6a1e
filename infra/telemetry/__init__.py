"""Logs, metrics and the provenance of a run."""
