"""Weights to files and back, and features from weights."""
