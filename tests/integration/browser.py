"""A real browser without a window, and PDF pages as pictures."""

from __future__ import annotations

import subprocess
from pathlib import Path

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--window-size=1200,2400",
)  # fmt: skip


class Browser:
    """Opens pages of this machine, each time with a profile of its own."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder, self.n_runs = program, folder, 0

    def _run(self, page: Path, *flags: str) -> str:
        self.n_runs += 1
        profile = self.folder / f"profile{self.n_runs}"
        done = subprocess.run(
            [self.program, *FLAGS, f"--user-data-dir={profile}", *flags, page.as_uri()],
            capture_output=True, text=True, check=True, timeout=90,
        )  # fmt: skip
        return done.stdout

    def text(self, page: Path) -> str:
        """The page's markup after it was loaded."""
        return self._run(page, "--dump-dom")

    def picture(self, page: Path, target: Path) -> Path:
        """A picture of the page."""
        self._run(page, f"--screenshot={target}")
        return target


def n_colours(picture: Path, box: tuple[float, float, float, float] = (0, 0, 1, 1)) -> int:
    """Different colours in a part of a picture, given as shares of its width and height."""
    from PIL import Image

    with Image.open(picture) as image:
        width, height = image.size
        part = image.convert("RGB").crop(
            (int(box[0] * width), int(box[1] * height), int(box[2] * width), int(box[3] * height))
        )
        return len(part.getcolors(part.size[0] * part.size[1]) or [])


def pages_of(pdftoppm: str, pdf: Path, folder: Path) -> list[Path]:
    """The pages of a PDF as pictures."""
    folder.mkdir()
    subprocess.run(
        [pdftoppm, "-r", "50", "-png", str(pdf), str(folder / "page")], check=True, timeout=90
    )
    return sorted(folder.glob("page*.png"))
