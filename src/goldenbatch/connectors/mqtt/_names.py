"""Names of tags from names of metrics and topics, which may hold anything."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^A-Za-z0-9_.\-]+")


def tag_name(*parts: str) -> str:
    """A tag of path parts: what a tag cannot hold becomes an underscore, empty parts vanish.

    >>> tag_name("site/press", "Edge 1", "", "Main/Comp. force [kN]")
    'site/press/Edge_1/Main/Comp._force_kN'
    """
    words = [_WORD.sub("_", word).strip("_") for part in parts for word in part.split("/")]
    return "/".join(word for word in words if word)
