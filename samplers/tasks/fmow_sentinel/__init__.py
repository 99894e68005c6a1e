"""fMoW-Sentinel: what a place is used for, from its image."""
