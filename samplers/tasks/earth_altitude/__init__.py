"""The altitude of points of the real Earth."""
