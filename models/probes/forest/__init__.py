"""A random forest on frozen features."""
