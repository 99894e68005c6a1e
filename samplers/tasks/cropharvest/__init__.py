"""CropHarvest: crop or not, and which, from monthly series."""
