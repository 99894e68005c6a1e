"""A linear probe for numbers: least squares with a penalty."""
