"""The climate of points of the real Earth."""
