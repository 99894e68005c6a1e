"""Look at what a store holds and at what a run does."""
