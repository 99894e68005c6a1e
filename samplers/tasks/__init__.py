"""Tasks, a folder each: labelled samples that a checkpoint is judged on."""
