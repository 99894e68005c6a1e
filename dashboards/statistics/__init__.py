"""Differences, intervals and tests."""
