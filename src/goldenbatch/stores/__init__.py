"""Stores: what was done, measured and learnt, durable. Import the store that you need."""
