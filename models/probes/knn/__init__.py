"""The nearest training samples, asked for their labels."""
