"""To be replaced at once by the real store."""


class Store:
    """Placeholder while the room is being built."""
