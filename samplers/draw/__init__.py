"""From a rule to the ids that are drawn."""
