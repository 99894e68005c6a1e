"""Real geography in under a megabyte: continents, climate, altitude, coasts, cities, outlines."""
