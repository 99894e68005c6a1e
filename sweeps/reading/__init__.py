"""YAML files to values, with problems told by line."""
