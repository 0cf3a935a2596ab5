"""Hook of mkdocs: a code block with a title shows the name of its file above it."""

from __future__ import annotations

import re
from typing import Any

TITLED = re.compile(r'^```(?P<language>\w+) title="(?P<title>[^"]+)"$', re.M)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Turn the title of a fence, which Python-Markdown does not know, into a line above it."""
    return TITLED.sub(lambda match: f"File `{match['title']}`:\n\n```{match['language']}", markdown)
