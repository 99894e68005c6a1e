"""The biome, the realm or the ecoregion of drawn points, by RESOLVE Ecoregions 2017."""
