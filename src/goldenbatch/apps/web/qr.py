"""QR codes as SVG, made here: a secret never leaves for somebody else's drawing service.

References:
    ISO/IEC 18004 (QR code); the matrix comes from ReportLab's encoder.
"""

from __future__ import annotations

QUIET: int = 4
"""Modules of quiet zone around the code (ISO/IEC 18004, 9.1)."""


def modules(text: str) -> list[list[bool]]:
    """The code of a text as rows of dark modules, error correction M."""
    from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel

    code = QRCode(None, QRErrorCorrectLevel.M)
    code.addData(text)
    code.make()
    n = code.getModuleCount()
    return [[bool(code.isDark(row, column)) for column in range(n)] for row in range(n)]


def svg(text: str, label: str) -> str:
    """The code of a text as an SVG element; black on white whatever the page looks like.

    Args:
        text: What is encoded.
        label: Says what it is to a screen reader; plain text.

    >>> svg("x", "a code").startswith('<svg role="img" aria-label="a code"')
    True
    """
    from html import escape

    rows = modules(text)
    size = len(rows) + 2 * QUIET
    path = "".join(
        f"M{column + QUIET} {row + QUIET}h1v1h-1z"
        for row, dark in enumerate(rows)
        for column, is_dark in enumerate(dark)
        if is_dark
    )
    return (
        f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {size} {size}" width="264" '
        f'height="264" shape-rendering="crispEdges"><rect width="{size}" height="{size}" '
        f'fill="#fff"/><path d="{path}" fill="#000"/></svg>'
    )
