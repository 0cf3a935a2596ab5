"""Batches against golden batches."""
