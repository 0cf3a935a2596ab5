"""Pages of the twins: the studio, its runs, two runs beside one another, lines."""

from __future__ import annotations

from goldenbatch.capabilities.twin._pages_compare import load_compared, show_compared
from goldenbatch.capabilities.twin._pages_lines import load_lines, show_lines
from goldenbatch.capabilities.twin._pages_run import load_run, show_run
from goldenbatch.capabilities.twin._pages_runs import load_runs, show_runs
from goldenbatch.capabilities.twin._pages_studio import load_studio, show_studio
from goldenbatch.ui.web.pages import Group, Page

_CLASSES = ("operational", "confidential")

STUDIO = Page(
    "/twin/studio", "Twin studio", Group.ENGINEERING, load_studio, show_studio,
    icon="science", order=20, classes=_CLASSES,
)  # fmt: skip
LINES = Page(
    "/twin/lines", "Line twins", Group.ENGINEERING, load_lines, show_lines,
    icon="conveyor_belt", order=21, classes=_CLASSES,
)  # fmt: skip
RUNS = Page(
    "/twin/runs", "Twin runs", Group.ENGINEERING, load_runs, show_runs,
    icon="list", order=22, refresh_s=10, classes=_CLASSES,
)  # fmt: skip
RUN = Page(
    "/twin/runs/{run}", "Twin run", Group.ENGINEERING, load_run, show_run,
    in_menu=False, classes=_CLASSES,
)  # fmt: skip
COMPARE = Page(
    "/twin/compare", "Twin runs compared", Group.ENGINEERING, load_compared, show_compared,
    in_menu=False, classes=_CLASSES,
)  # fmt: skip
