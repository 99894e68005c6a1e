"""The numbers of MOSAIKS: population, forest, elevation and more, at points of the land."""
