"""Discrete events of a whole line or plant: units, buffers, people, failures and quality waits."""
