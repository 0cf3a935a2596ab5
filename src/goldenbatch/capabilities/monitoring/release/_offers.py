"""What the room release brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offers

OFFERS: Offers = {}
