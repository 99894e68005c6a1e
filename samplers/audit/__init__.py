"""What a set of samples holds, and how two sets differ."""
