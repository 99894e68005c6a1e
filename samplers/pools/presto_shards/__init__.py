"""The webdataset shards that Presto was pretrained on: monthly series of pixels, tile by tile."""
