"""The front door: a question, its plan, its schedule and the catalogue."""
