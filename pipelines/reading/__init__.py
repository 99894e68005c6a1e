"""Read the files of finished steps."""
