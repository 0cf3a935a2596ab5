"""Real-time release testing: what may be said of an attribute without a laboratory."""
