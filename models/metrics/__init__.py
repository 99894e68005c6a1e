"""Metrics, a file each: one number from truth and prediction."""
