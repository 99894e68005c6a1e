"""Train a network: the loop and its parts, on any device, without Ray."""
