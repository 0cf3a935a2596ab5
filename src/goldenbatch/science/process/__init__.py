"""Digital twins of unit operations: one declared model for every use of it."""
