"""A linear head on every part of an image, for maps of classes."""
