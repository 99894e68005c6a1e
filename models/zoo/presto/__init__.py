"""Presto: a masked autoencoder of monthly pixel time series."""
