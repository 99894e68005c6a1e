"""The baseline every probe must beat: always the commonest class of the draw."""
