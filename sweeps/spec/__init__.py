"""A sweep as a value: its axes, its compositions, its checks."""
