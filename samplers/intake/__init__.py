"""Rows of a pool, admitted, checked and described."""
