"""SatMAE: a masked autoencoder of multispectral images with a token per group of bands."""
