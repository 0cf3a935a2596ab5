"""The plot of a tablet line: step response, funnel, content at the press, hardness."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin.plots import figure, label_panel

if TYPE_CHECKING:
    from goldenbatch.science.lines.tablet_study import TabletStudy

_COLOURS = ("#1b4f72", "#b9770e", "#48a9a6", "#7d6b91", "#b03a2e", "#76828a")
_QUIET = "#9aa5ad"


def plot_tablets(studies: Mapping[str, TabletStudy], path: Path) -> None:
    """Draw a line in its scenarios, a colour each; the run is that of the line as declared."""
    page = figure(10.0, 7.0)
    step, funnel, run, press = page.subplots(2, 2).flat
    for number, (name, study) in enumerate(studies.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        step.plot(study.step["time_s"], study.step["share"], color=colour, label=name)
        widths = study.funnel["duration_s"]
        funnel.plot(widths, 1 + study.funnel["excess"], color=colour, label=name)
        funnel.plot(widths, 1 - study.funnel["deficit"], color=colour)
        press.plot(study.compaction["fill"], study.compaction["hardness_n"], color=colour)
    first = next(iter(studies.values()))
    step.set_xlim(0.0, max(_until(study) for study in studies.values()))
    funnel.set_xscale("log")
    funnel.set_yscale("symlog", linthresh=2.0)
    step.legend(fontsize=7, frameon=False)
    _run(run, first)
    for axes, title, below in (
        (step, "share that has left", "s after a step"),
        (funnel, "pulses that pass unseen, of the target", "duration, s"),
        (run, "content, of the target", "s"),
        (press, "hardness, N", "fill, of its set point"),
    ):
        label_panel(axes, title, below)
    page.savefig(path, dpi=110)


def _until(study: TabletStudy) -> float:
    """When all but a thousandth has left."""
    times, share = study.step["time_s"], study.step["share"]
    is_left = share < 0.999
    return float(times[is_left][-1]) if is_left.any() else float(times[-1])


def _run(axes: Any, study: TabletStudy) -> None:
    columns = study.columns()
    axes.plot(columns["time_s"], columns["content_in"], color=_QUIET, linewidth=0.8, label="fed")
    axes.plot(columns["time_s"], columns["content_out"], color=_COLOURS[0], label="pressed")
    for limit in study.line.limits:
        axes.axhline(limit, color=_COLOURS[4], linewidth=0.7, linestyle="--")
    for window in study.run.diverted:
        axes.axvspan(window.begin, window.end, color=_COLOURS[4], alpha=0.15, linewidth=0)
    axes.legend(fontsize=7, frameon=False)
