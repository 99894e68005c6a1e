"""A user's own maps in place of the embedded ones."""
