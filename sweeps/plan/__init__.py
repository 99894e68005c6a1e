"""The grid of a sweep: its steps, its cells, its draws."""
