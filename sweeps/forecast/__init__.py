"""What a sweep will cost, and how wide its intervals will be."""
