"""The ground every other room stands on: specs, steps, keys, the store, the ledger, the cluster."""
