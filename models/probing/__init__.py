"""What a probe is asked to predict, and how its answers are prepared."""
