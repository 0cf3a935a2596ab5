"""What the room lifecycle brings."""

from __future__ import annotations

from goldenbatch.core.capability import Offers

OFFERS: Offers = {}
