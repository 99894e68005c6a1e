"""Networks, a folder each, all with the same files."""
