"""Bulk tables of a plant (stub)."""
