"""How moist the living fuel of wildfires is, in per cent."""
