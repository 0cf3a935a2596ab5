"""Connectors: what was measured and done comes in, from files first."""
