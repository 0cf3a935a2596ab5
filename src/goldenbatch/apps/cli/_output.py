"""What the command line puts out: answers on stdout, all else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from goldenbatch.core.records import to_iso

if TYPE_CHECKING:
    from rich.console import Console

    from goldenbatch.core.site import HomeInfo

Step = Callable[[int, int], None]
"""Progress: (done, total); total 0 means unknown."""


class Output:
    """Answers and progress of one call.

    Attributes:
        is_json: Whether stdout carries one JSON document and nothing else.
        home: Identity of the home, once it is known.
    """

    def __init__(self) -> None:
        self.is_json = False
        self.home: HomeInfo | None = None
        self._has_banner = False

    @property
    def console(self) -> Console:
        """Where people read the answer."""
        return _console(sys.stdout)

    @property
    def zone(self) -> str:
        """IANA zone in which people read times: the home's."""
        return self.home.zone if self.home is not None else "UTC"

    @property
    def messages(self) -> Console:
        """Where progress and errors go."""
        return _console(sys.stderr)

    def show(self, answer: Any, render: Callable[[Any], None] | None = None) -> None:
        """Put an answer out: a JSON document, or the home's kind and then the rendering."""
        if self.is_json:
            sys.stdout.write(json.dumps(jsonable(answer), ensure_ascii=False, indent=2) + "\n")
            sys.stdout.flush()
            return
        self.banner()
        (render or self.plain)(answer)

    def banner(self) -> None:
        """Say once what kind of home this is."""
        if self.home is None or self._has_banner or self.is_json:
            return
        self._has_banner = True
        from goldenbatch.core.config import banner

        words = banner(self.home.kind)
        text = f" {self.home.name} | {words or 'production home'} "
        style = "bold black on yellow" if words else "bold white on dark_green"
        self.console.print(text, style=style, markup=False)

    def line(self, text: str) -> None:
        """One line for people."""
        self.console.print(visible(text), markup=False, highlight=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """One line beside the answer, on stderr."""
        self.messages.print(visible(text), markup=False, highlight=False, soft_wrap=True)

    def failure(self, error: str, message: str, hint: str) -> None:
        """One clear line and a hint on stderr; in JSON mode the same as the document."""
        if self.is_json:
            document = {"error": error, "message": message, "hint": hint}
            sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2) + "\n")
        self.note(f"Error: {message}")
        if hint:
            self.note(f"Hint: {hint}")

    def fields(self, values: Mapping[str, Any]) -> None:
        """Names and values below one another."""
        width = max((len(str(name)) for name in values), default=0)
        for name, value in values.items():
            self.line(f"{str(name).ljust(width)}  {readable(name, value, self.zone)}")

    def table(
        self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str = "None."
    ) -> None:
        """Rows as a table; wide cells fold, nothing is cut off."""
        from rich import box
        from rich.table import Table

        if not rows:
            self.line(empty)
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for name in columns:
            table.add_column(name.removesuffix("_at").replace("_", " "), overflow="fold")
        for row in rows:
            table.add_row(*(_escaped(readable(name, row.get(name), self.zone)) for name in columns))
        self.console.print(table)

    def plain(self, answer: Any) -> None:
        """The rendering of an answer that brings none of its own."""
        answer = jsonable(answer)
        if isinstance(answer, Mapping):
            flat = {name: value for name, value in answer.items() if not _is_rows(value)}
            self.fields(flat)
            for name, value in answer.items():
                if _is_rows(value):
                    self.line(f"\n{name}")
                    self.table(value, list(value[0]))
        elif _is_rows(answer):
            self.table(answer, list(answer[0]))
        elif isinstance(answer, list):
            for one in answer:
                self.line(str(one))
        else:
            self.line(str(answer))

    @contextmanager
    def progress(self, title: str, unit: str = "") -> Iterator[Step]:
        """A bar on stderr; on no terminal it is silent."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), unit)
        console = self.messages
        with Progress(
            *columns, TimeElapsedColumn(), console=console, transient=True,
            disable=not console.is_terminal,
        ) as bar:  # fmt: skip
            task = bar.add_task(title, total=None)

            def step(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total or None)

            yield step


def _console(file: Any) -> Console:
    from rich.console import Console

    width = None if file.isatty() else 160
    return Console(file=file, width=width, highlight=False)


def _local(micros: int, zone: str) -> str:
    from goldenbatch.core.time import local_text

    return local_text(micros - micros % 1_000_000, zone).replace("T", " ")


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(visible(text))


_UNSEEN = [*range(9), *range(11, 32), *range(127, 160), *range(0x202A, 0x202F),
           *range(0x2066, 0x206A)]  # fmt: skip
_VISIBLE = {one: f"\\x{one:02x}" if one < 256 else f"\\u{one:04x}" for one in _UNSEEN}


def visible(text: str) -> str:
    r"""A text whose control characters are seen and do nothing: files of others hold any.

    >>> visible("a\x1b[8mb")
    'a\\x1b[8mb'
    """
    return text.translate(_VISIBLE)


def is_time(name: str, value: Any) -> bool:
    """Whether a column holds microseconds UTC, by the convention of its name."""
    return isinstance(value, int) and not isinstance(value, bool) and str(name).endswith("_at")


def readable(name: str, value: Any, zone: str = "UTC") -> str:
    """A value for people; times in the home's zone, with their offset.

    >>> readable("started_at", 0)
    '1970-01-01 00:00:00+00:00'
    >>> readable("n_rows", 12345)
    '12,345'
    """
    text = str(value)
    if value is None or value == "":
        text = "-"
    elif is_time(name, value):
        text = _local(value, zone)
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, int) and str(name).startswith("n_"):
        text = f"{value:,}"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, dict | list | tuple):
        text = json.dumps(jsonable(value), ensure_ascii=False)
    return text


def jsonable(value: Any) -> Any:
    """A value as JSON can carry it; times `*_at` become ISO 8601, NaN becomes null."""
    import dataclasses

    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {
            str(name): to_iso(one) if is_time(name, one) else jsonable(one)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        is_set = isinstance(value, set | frozenset)
        return [jsonable(one) for one in (sorted(value) if is_set else value)]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    import math
    from enum import Enum

    if isinstance(value, Enum):
        return _scalar(value.value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str | int | bool) or value is None else str(value)
