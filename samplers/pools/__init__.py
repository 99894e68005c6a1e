"""Pool adapters, a folder each: where the samples of a pool come from."""
