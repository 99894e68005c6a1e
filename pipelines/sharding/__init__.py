"""The work inside the shard stage."""
