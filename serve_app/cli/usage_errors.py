"""What is wrong with a command's options, arguments and variables, as a sentence."""

from __future__ import annotations

import os
from typing import Any, get_args

import typer

_LONGEST = 60  # characters of what was given


def sentence(error: typer.TyperException) -> str:
    """What is wrong and how to mend it; empty where the help has been shown in its place."""
    parameter, context = getattr(error, "param", None), getattr(error, "ctx", None)
    if parameter is None and isinstance(error, typer.BadParameter):  # of our own, with a remedy
        return _as_sentence(error.message)
    if parameter is None:
        return _hinted(_as_sentence(error.format_message()), context) if error.message else ""
    refused = _refused(error)
    if refused is not None:
        variable = _variable(parameter, context)
        return not_taken(variable or _name(parameter), refused, _wanted(parameter), variable=bool(variable))
    if not error.message:  # nothing was given
        return _hinted(f"{_name(parameter)} is missing.", context)
    return _as_sentence(f"{_name(parameter)} {error.message}")


def not_taken(name: str, given: object, wanted: str, *, variable: bool) -> str:
    """That ``given`` is not what ``name`` takes; ``variable``: whether that is one of the environment."""
    shown = "".join(each if each.isprintable() else "?" for each in str(given))
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
    if variable:
        return f"{name}={shown}: must be {wanted}. Correct it in the environment, or take it out of there."
    return f"{name} {shown}: must be {wanted}."


def whole_number(low: int | None, high: int | None) -> str:
    """What an option takes that is a whole number between the two, inclusive."""
    return f"a whole number{_bounds(low, high)}"


def _refused(error: Any) -> object | None:
    """What pydantic, by which Typer reads values, has refused; None where it was somebody else."""
    found = getattr(error.__cause__, "errors", None)
    said: Any = found() if found is not None else []
    return said[0]["input"] if said else None


def _name(parameter: Any) -> str:
    """As it is typed, or as the help names it."""
    option = next((each for each in parameter.opts if each.startswith("--")), None)
    return option or str(parameter.metavar or parameter.opts[0])


def _variable(parameter: Any, context: Any) -> str:
    """The variable of the environment that gave the value; empty where none did."""
    source = context.get_parameter_source(parameter.name) if context else None
    if getattr(source, "name", "") != "ENVIRONMENT":
        return ""
    names = [parameter.envvar] if isinstance(parameter.envvar, str) else parameter.envvar
    return next((each for each in names if os.environ.get(each)), "")


def _wanted(parameter: Any) -> str:
    described = parameter.type_descriptor
    if described.choices is not None:
        *others, last = [str(getattr(each, "value", each)) for each in described.choices]
        return f"{', '.join(others)} or {last}" if others else last
    kind = next(iter(get_args(described.annotation)), described.annotation)
    low, high = described.parameter_info.min, described.parameter_info.max
    if kind is int:
        return whole_number(low, high)
    if kind is float:
        return f"a number{_bounds(low, high)}"
    return "true or false" if kind is bool else "something else"


def _bounds(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f" of at least {low}"
    return "" if high is None else f" of at most {high}"


def _as_sentence(text: str) -> str:
    text = f"{text[:1].upper()}{text[1:]}".strip()
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _hinted(said: str, context: Any) -> str:
    """With the command that says what there is."""
    return f"{said} `{context.command_path} --help` lists what it takes." if context else said
