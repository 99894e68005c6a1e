"""The biome proxy of a place, on the synthetic planet."""
