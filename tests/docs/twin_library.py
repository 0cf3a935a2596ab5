"""The library of twins as a page, from the declarations of its models."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any

from goldenbatch.capabilities.twin.references import cases
from goldenbatch.science.process import library

if TYPE_CHECKING:
    from goldenbatch.capabilities.twin.references import Case
    from goldenbatch.science.process.declarations import Output, Parameter, Prior, Quantity
    from goldenbatch.science.process.library import Entry
    from goldenbatch.science.process.model import Model

HEAD = """# The library of twins

<!-- Written by `python -m tests.docs.generate`; do not edit. -->

What `use` of a [study](twin-studies.md) may name, from the declarations that the models are built
from. *Context of use* says what a model may be used for, and what not (ASME V&V 40). A measured
output shows the standard deviation of its error, how often it is measured and how long its result
takes, in the model's time unit. A vector stands on one line with its number of elements. *Range*
is physical: a start outside it is refused; where a model was calibrated in a part of it only, that
part is named, and every run that leaves it is marked as extrapolated. `goldenbatch twin verify`
replays the cases named under *credibility*."""
Cell = Callable[[str], str]


def page(cell: Cell) -> str:
    """All entries.

    Args:
        cell: Makes a text fit for a cell of a table.
    """
    known = cases()
    lines = [HEAD, "", "| name | model | credibility |", "| --- | --- | --- |"]
    for one in library.ENTRIES:
        anchor = one.name.replace(".", "")
        names = ", ".join(case.name for case in known if case.model == one.name) or "none yet"
        lines.append(f"| [`{one.name}`](#{anchor}) | {cell(one.title)} | {names} |")
    for one in library.ENTRIES:
        lines += _entry(one, [case for case in known if case.model == one.name], cell)
    others = [case for case in known if case.model not in {one.name for one in library.ENTRIES}]
    lines += ["", "## Cases of other twins", "", *_cases(others, cell)]
    return "\n".join(lines) + "\n"


def _entry(one: Entry, known: Sequence[Case], cell: Cell) -> Iterator[str]:
    model = one.load()
    recipe = one.default_recipe()
    yield from ("", f"## {one.name}", "", f"{one.title}. Version {model.version}; time in "
                f"{model.time_unit}.", "", f"*Context of use.* {one.context_of_use}")  # fmt: skip
    if recipe is not None:
        yield from ("", f"*Own recipe.* {recipe.duration:g} {model.time_unit} in intervals of "
                    f"{recipe.interval:g} {model.time_unit}.")  # fmt: skip
    yield from ("", f"*References.* {'; '.join(model.references)}.")
    if known:
        yield from ("", "*Credibility.*", "", *_cases(known, cell))
    else:
        yield from ("", "*Credibility.* No third-party reference is replayed yet.")
    yield from _quantities("states", model.states, cell)
    yield from _quantities("algebraic variables", model.algebraics, cell)
    yield from _quantities("inputs", model.inputs, cell)
    yield from _outputs(model.outputs, cell)
    yield from _parameters(model.parameters, cell)
    yield from _events(model, cell)


def _cases(known: Iterable[Case], cell: Cell) -> Iterator[str]:
    for one in known:
        yield (
            f"- `{one.name}`, {one.kind} against {one.against}: {cell(one.title)}. "
            f"{cell(one.context_of_use)}"
        )


def _quantities(kind: str, found: Sequence[Quantity], cell: Cell) -> Iterator[str]:
    if not found:
        return
    value = {"states": "start", "inputs": "value"}.get(kind, "guess")
    yield from ("", f"### {kind.capitalize()}", "")
    yield from (f"| name | unit | {value} | range | meaning |", "| --- | --- | --- | --- | --- |")
    for one in found:
        name = f"`{one.name}`" + (f" ({one.size})" if one.size > 1 else "")
        yield f"| {name} | {_unit(one.unit)} | {_value(one)} | {_range(one)} | {cell(one.help)} |"


def _outputs(found: Sequence[Output], cell: Cell) -> Iterator[str]:
    yield from ("", "### Outputs", "", "| name | unit | measured | meaning |")
    yield "| --- | --- | --- | --- |"
    for one in found:
        yield f"| `{one.name}` | {_unit(one.unit)} | {_measured(one)} | {cell(one.help)} |"


def _measured(one: Output) -> str:
    if one.noise is None:
        return ""
    parts = [f"{one.noise.sd:g}"] if one.noise.sd else []
    parts += [f"{100 * one.noise.relative:g} %"] if one.noise.relative else []
    text = "±" + " and ".join(parts)
    text += f", every {one.cadence:g}" if one.cadence else ""
    return text + (f", after {one.delay:g}" if one.delay else "")


def _parameters(found: Sequence[Parameter], cell: Cell) -> Iterator[str]:
    if not found:
        return
    yield from ("", "### Parameters", "", "| name | unit | value | range | prior | meaning |")
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in found:
        name = f"`{one.name}`" + (f" ({one.size})" if one.size > 1 else "")
        words = ". ".join(part.rstrip(".") for part in (one.help, one.source) if part)
        yield (
            f"| {name} | {_unit(one.unit)} | {_value(one)} | {_range(one)} | {_prior(one.prior)} "
            f"| {cell(words)} |"
        )


def _prior(one: Prior | None) -> str:
    if one is None or one.kind == "uniform":
        return "" if one is None else "uniform"
    return f"{one.kind}, {one.sd:.3g}"


def _events(model: Model, cell: Cell) -> Iterator[str]:
    if not (model.jumps or model.watches):
        return
    yield from ("", "### Jumps and named events", "", "| name | what | arguments | meaning |")
    yield "| --- | --- | --- | --- |"
    for jump in model.jumps:
        given = ", ".join(f"`{name}` ({unit})" for name, unit in jump.arguments)
        yield f"| `{jump.name}` | jump | {given} | {cell(jump.help)} |"
    for watch in model.watches:
        what = "ends the run" if watch.stops else "noted"
        yield f"| {cell(watch.name)} | {what} | | {cell(watch.help)} |"


def _unit(unit: str) -> str:
    return "" if unit == "1" else f"`{unit}`"


def _value(one: Quantity) -> str:
    low, high = min(one.value), max(one.value)
    return f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"


def _range(one: Quantity) -> str:
    ends = (one.lower, one.upper)
    text = {
        (True, True): f"{ends[0]:g} to {ends[1]:g}", (True, False): f"from {ends[0]:g}",
        (False, True): f"up to {ends[1]:g}",
    }.get((isfinite(ends[0]), isfinite(ends[1])), "")  # fmt: skip
    valid: Any = one.valid
    return text + (f"; calibrated {valid[0]:g} to {valid[1]:g}" if valid else "")
