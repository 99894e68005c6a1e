"""S2-100K, the pool of SatCLIP: Sentinel-2 patches spread evenly over the land."""
