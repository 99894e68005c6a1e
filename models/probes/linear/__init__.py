"""A linear probe: logistic regression on frozen features."""
