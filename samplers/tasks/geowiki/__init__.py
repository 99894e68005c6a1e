"""Crop or not, as people saw it on Geo-Wiki."""
