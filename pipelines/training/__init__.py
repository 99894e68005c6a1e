"""The work inside the pretrain stage."""
