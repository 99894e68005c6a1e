"""How severe a harmful algal bloom is, from 1 to 5, as a number."""
