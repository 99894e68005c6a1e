"""The lights of points of the real Earth."""
