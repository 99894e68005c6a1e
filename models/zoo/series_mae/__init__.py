"""A masked autoencoder of monthly series."""
