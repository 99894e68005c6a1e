"""The synthetic planet: real geography, invented satellites."""
