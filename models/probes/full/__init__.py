"""The whole network, finetuned on the draw."""
