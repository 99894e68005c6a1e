"""Which places on Earth should a geospatial foundation model be pretrained on?"""
