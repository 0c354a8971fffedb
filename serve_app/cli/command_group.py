"""The group of all commands: each is imported when it is asked for, and what is mistyped is one sentence."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from serve_app.cli.usage_errors import sentence

_COMPLETION = frozenset({"--install-completion", "--show-completion"})


@dataclass(frozen=True, slots=True)
class Listed:
    """A command as ``--help`` lists it: ``place`` is ``module:function``, or that of a ``typer.Typer``;
    ``about`` is the first line of its help."""

    place: str
    about: str


class CommandGroup(TyperGroup):
    """The commands that are ``listed``, by name. To list them imports none of them."""

    listed: ClassVar[Mapping[str, Listed]] = {}

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands: Any = Commands(self.listed)

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in their order."""
        return list(self.listed)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """What stands for the command in a list: its name and what it is about."""
        found = self.listed.get(cmd_name)
        return None if found is None else TyperCommand(name=cmd_name, help=found.about)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The name, the command itself and its arguments."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, None if found is None else self.commands[name], rest

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """What a call is made with. Raises BadParameter where a shell is to complete a name with spaces."""
        if " " in (info_name or "") and _COMPLETION.intersection(args[:1]):
            raise typer.BadParameter(
                f"Shells complete the command serve_app, not {info_name}. `pip install .` puts that command "
                "where Python has its commands."
            )
        return super().make_context(info_name, args, parent, **extra)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; where it is ``standalone_mode``, end the process with its status.

        Typer would draw a box around what it says of a mistake, which breaks the sentence into pieces.
        """
        given = (args, prog_name, complete_var)
        if not standalone_mode:
            return super().main(*given, False, windows_expand_args, **extra)
        try:
            status = super().main(*given, False, windows_expand_args, **extra)
        except typer.TyperException as error:
            said = sentence(error)
            if said:
                typer.secho(said, fg="red", err=True)
            sys.exit(error.exit_code)
        except typer.Abort:
            typer.echo("Stopped.", err=True)
            sys.exit(1)
        sys.exit(status if isinstance(status, int) else 0)


class Commands(Mapping[str, Any]):
    """Typer's commands by name, each made when it is asked for."""

    def __init__(self, listed: Mapping[str, Listed]) -> None:
        self._listed = listed
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = _command(name, self._listed[name].place)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._listed

    def __iter__(self) -> Iterator[str]:
        return iter(self._listed)

    def __len__(self) -> int:
        return len(self._listed)


def _command(name: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_group(found)
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)
