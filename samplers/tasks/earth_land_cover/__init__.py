"""The land cover of points of the real Earth."""
