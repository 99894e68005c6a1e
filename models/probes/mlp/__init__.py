"""A small network with one hidden layer on frozen features."""
