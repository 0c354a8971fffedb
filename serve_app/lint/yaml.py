"""YAML text as plain JSON-like values, with the mistakes that a YAML loader passes over in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml
from yaml.constructor import SafeConstructor


class Finding(NamedTuple):
    """One mistake: the dotted path of the place (empty for the whole file) and a sentence."""

    path: str
    sentence: str


class Advice(Finding):
    """A finding about what is served all the same, only not as well as it might be."""

    __slots__ = ()


def join(path: str, part: str | int) -> str:
    """The dotted path of ``part`` within ``path``: ``applications[0].args``."""
    if isinstance(part, int):
        return f"{path}[{part}]"
    return f"{path}.{part}" if path else part


def load(text: str) -> tuple[list[Any], list[Finding]]:
    """The documents of a YAML text, and what is wrong with the text itself.

    Values are what JSON knows (keys always strings), so that nothing below meets a date or a set. Findings
    are syntax errors with their line, a key given twice (a loader keeps the last and says nothing), an anchor
    that holds itself. With findings there are no documents.
    """
    try:
        # Not libyaml's loader, which ends the process over 100,000 brackets.
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        findings = [finding for node in nodes for finding in _mistakes(node, "", ())]
        if findings:
            return [], findings
        return [_plain(SafeConstructor().construct_document(node)) for node in nodes], []
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}: " if mark else ""
        return [], [Finding("", f"{line}this is not YAML: {error.problem or error.context}")]
    except (yaml.YAMLError, ValueError) as error:
        return [], [Finding("", f"this is not YAML: {error}")]
    except RecursionError:
        return [], [Finding("", "this is nested too deeply")]


def _mistakes(node: yaml.Node, path: str, above: tuple[yaml.Node, ...]) -> Iterator[Finding]:
    if any(node is each for each in above):
        yield Finding(path, "this anchor holds itself")
        return
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _mistakes(item, join(path, index), (*above, node))
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            place = join(path, name)
            if name in lines:
                yield Finding(place, f"is given twice, on lines {lines[name]} and {line}; keep one")
            lines[name] = line
            yield from _mistakes(value, place, (*above, node))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(inner) for inner in value]
    return value if isinstance(value, str | bool | int | float | None) else str(value)
