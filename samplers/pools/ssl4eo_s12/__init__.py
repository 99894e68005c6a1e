"""SSL4EO-S12: Sentinel-1 and Sentinel-2 patches around cities, four seasons each."""
