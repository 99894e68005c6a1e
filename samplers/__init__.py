"""Everything that knows the Earth: pools, cells, regions, tasks, and what a composition takes."""
