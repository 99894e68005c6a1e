"""fMoW-Sentinel, the pool of SatMAE: Sentinel-2 composites at the boxes of fMoW."""
