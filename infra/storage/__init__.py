"""Bytes, records and rows: a local folder or an object store."""
