"""The shift logbook: what people write, what is open, and the handover between shifts."""
