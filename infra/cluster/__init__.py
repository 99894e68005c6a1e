"""The door to Ray."""
