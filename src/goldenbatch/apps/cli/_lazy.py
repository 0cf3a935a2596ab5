"""A group of commands whose modules are imported only when one of them is called."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from goldenbatch.apps.cli._command import as_command


@dataclass(frozen=True)
class Entry:
    """One line of the tree of commands.

    Attributes:
        help: One line.
        target: `module:function`, or a function that finds it; empty for a group.
        children: Commands of a group by name, or a function that finds them.
        panel: Heading under which the help lists it.
    """

    help: str
    target: str | Callable[[], Any] = ""
    children: Mapping[str, Entry] | Callable[[], Mapping[str, Entry]] = field(default_factory=dict)
    panel: str = ""

    @property
    def is_group(self) -> bool:
        """Whether it holds commands itself."""
        return not self.target

    def load(self) -> Any:
        """The function or Typer application behind the entry."""
        if callable(self.target):
            return self.target()
        module, _, name = self.target.partition(":")
        return getattr(importlib.import_module(module), name)


class LazyGroup(TyperGroup):
    """Lists names and helps from the tree; imports a module to run or explain its command."""

    entries: Mapping[str, Entry] | Callable[[], Mapping[str, Entry]]
    is_listing = False

    def __init__(self, *, entries: Any = None, **settings: Any) -> None:
        super().__init__(**settings)
        self.entries = entries if entries is not None else {}

    def tree(self) -> Mapping[str, Entry]:
        """The entries, found when they are first asked for."""
        if callable(self.entries):
            self.entries = self.entries()
        return self.entries

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of the commands in the order of the tree."""
        return list(self.tree())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command; while help is printed, a stand-in that carries only its help."""
        entry = self.tree().get(cmd_name)
        if entry is None:
            return None
        if self.is_listing:
            return TyperCommand(name=cmd_name, help=entry.help, rich_help_panel=entry.panel or None)
        if entry.is_group:
            return LazyGroup(
                name=cmd_name, help=entry.help, entries=entry.children, no_args_is_help=True
            )
        return build(cmd_name, entry)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Resolve by name; a mistyped one is answered with the nearest names."""
        if args and not args[0].startswith("-") and args[0] not in self.tree():
            near = get_close_matches(args[0], list(self.tree()), n=3)
            hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help without importing any command."""
        self.is_listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.is_listing = False


def build(name: str, entry: Entry) -> Any:
    """The command of an entry: a function, or a Typer application of a capability."""
    target = entry.load()
    if not isinstance(target, typer.Typer):
        application = typer.Typer(add_completion=False)
        application.command(name, help=entry.help)(as_command(target))
        return get_command(application)
    for info in target.registered_commands:
        if info.callback is not None:
            info.callback = as_command(info.callback)
    command = get_command(target)
    command.name = name
    return command
