"""Labelled samples of one's own, in a Parquet or GeoParquet file."""
