"""The stand-alone verifier: one file that imports nothing of the platform."""
