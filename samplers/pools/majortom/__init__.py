"""Major-TOM Core: where the patches of the global grid lie, without their pixels."""
