"""The spool: frames that a slow or full historian could not take yet, and sources' positions."""

from goldenbatch.stores.spool.spool import FrameDamagedError, Spool, SpoolFullError

__all__ = ["FrameDamagedError", "Spool", "SpoolFullError"]
