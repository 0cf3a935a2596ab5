"""Capabilities: thin rooms that bring methods, stores and people together."""
