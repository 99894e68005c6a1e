"""Pages that show what compositions hold."""
