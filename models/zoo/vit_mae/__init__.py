"""A plain masked autoencoder of images, of any size."""
