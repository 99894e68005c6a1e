"""Probes, a folder each: what is trained on top of frozen features."""
