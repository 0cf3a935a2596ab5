"""The spool: frames that a slow or full historian could not take yet, and sources' positions."""

from goldenbatch.stores.spool.spool import Spool, SpoolFullError

__all__ = ["Spool", "SpoolFullError"]
