"""Samples that lie in Parquet files already."""
