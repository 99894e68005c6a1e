"""Crop or not, on the synthetic planet."""
