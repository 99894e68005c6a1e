"""Where the files of pools and tasks lie, and which of them hold what."""
