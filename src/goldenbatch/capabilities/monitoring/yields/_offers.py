"""What the room yields brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offers

OFFERS: Offers = {}
