"""goldenbatch: making medicines with AI under GMP, every batch the golden batch."""

__version__ = "0.1.0"
