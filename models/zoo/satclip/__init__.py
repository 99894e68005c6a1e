"""SatCLIP: a place's code learnt by matching places with the satellite images of them."""
