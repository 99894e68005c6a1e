"""Everything that knows a network: the zoo, the training loop, probes and metrics."""
