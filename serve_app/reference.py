"""The tables of the docs that are made from the code: `make docs` rewrites them, a test compares them.

A table is between `<!-- table: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer
import yaml
from pydantic import SecretStr

from deployments import metrics
from finders.catalogue import FINDERS, LICENCE
from protocol.templates import TEMPLATES, Template
from segmenters.checkpoints.progress import MIB
from segmenters.model import LICENCES, Model
from segmenters.models import MODELS
from serve_app import ROOT
from serve_app.capacity import tables as capacity
from serve_app.cli.main import app
from serve_app.settings import SYNONYMS, Settings
from values.errors import error_classes

BLOCK = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def settings_table() -> str:
    """Every setting: YAML key, variables, default, meaning."""
    rows = []
    for name, field in Settings.model_fields.items():
        variables = ", ".join(f"`{each.upper()}`" for each in (name, *SYNONYMS.get(name, ())))
        rows.append((f"`{name}`", variables, f"`{_shown(field.default)}`", field.description or ""))
    return _table(("key in `args:`", "variables", "default", "meaning"), rows)


def metrics_table() -> str:
    """Every metric as Prometheus sees it."""
    kinds = (
        (metrics.COUNTERS, "counter", "_total"),
        (metrics.HISTOGRAMS, "histogram", ""),
        (metrics.GAUGES, "gauge", ""),
    )
    rows = [
        (f"`ray_{name}{suffix}`", kind, ", ".join(f"`{tag}`" for tag in tags), text)
        for table, kind, suffix in kinds
        for name, (text, tags) in table.items()
    ]
    return _table(("name", "kind", "tags", "meaning"), rows)


def metric_tags_table() -> str:
    """Every tag, and what it can be."""
    rows = [(f"`{tag}`", ", ".join(map(_code, values))) for tag, values in metrics.VALUES.items()]
    return _table(("tag", "values"), rows)


def _code(value: str) -> str:
    return value if " " in value else f"`{value}`"


def alerts_table() -> str:
    """Every alert of cluster/monitoring/alerts.yaml: when it fires, and what to do then."""
    groups = yaml.safe_load((ROOT / "cluster" / "monitoring" / "alerts.yaml").read_text())["groups"]
    rows = [
        (f"`{rule['alert']}`", rule["labels"]["severity"], *rule["annotations"].values())
        for group in groups
        for rule in group["rules"]
    ]
    return _table(("alert", "", "when", "what to do"), rows)


def errors_table() -> str:
    """Every error: status, code, meaning."""
    rows = [
        (str(error.status), f"`{error.code}`", (error.__doc__ or "").split("\n")[0])
        for error in error_classes()
    ]
    return _table(("status", "`error`", "meaning"), sorted(rows))


def commands_table() -> str:
    """Every command with its flags, a section each; those of a group under the name of the group too."""
    head = ("flag", "variables", "meaning")
    sections = []
    for name, command in _commands("", typer.main.get_command(app)):
        rows = [_flag(parameter) for parameter in command.params if parameter.name != "help"]
        if rows:
            sections.append(f"## {name}\n\n{command.help}\n\n{_table(head, rows)}")
    return "\n".join(sections)


def _commands(prefix: str, command: Any) -> Iterator[tuple[str, Any]]:
    """(name as it is typed, command) of the command, and of all in it when it is a group."""
    yield prefix or "Without a command", command
    group: dict[str, Any] = vars(command).get("commands", {})
    for name, each in group.items():
        yield from _commands(f"{prefix} {name}".strip(), each)


def _flag(parameter: Any) -> tuple[str, str, str]:
    """One row for a flag or an argument of a command."""
    names = ", ".join(f"`{each}`" for each in (*parameter.opts, *parameter.secondary_opts))
    variables = parameter.envvar or []
    listed = [variables] if isinstance(variables, str) else variables
    return names, ", ".join(f"`{each}`" for each in listed), parameter.help or ""


def models_table() -> str:
    """Every model: parameters, licence, checkpoint, what it is for."""
    rows = [_model(each) for each in MODELS.values()]
    return _table(("model", "parameters", "licence", "checkpoint"), rows)


def _model(model: Model) -> tuple[str, str, str, str]:
    """One row for a model."""
    architecture, published = model.architecture, model.published
    if architecture is None or published is None:
        return f"`{model.name}`", "none" if model.weightless else "", "", model.about
    return (
        f"`{model.name}`",
        f"{architecture.parameters:.1f} M",
        LICENCES[architecture.family].spdx,
        f"`{published.filename}`" + (f", {published.size / MIB:.0f} MiB" if published.size else ""),
    )


def finders_table() -> str:
    """Every detector: parameters, the size of a picture, licence, files."""
    rows = [
        (
            f"`{each.name}`",
            f"{each.parameters:.1f} M",
            f"{each.architecture.side} x {each.architecture.side}",
            LICENCE.spdx,
            ", ".join(
                f"`{each.name}/{file.filename}`" + (f", {file.size / MIB:.1f} MiB" if file.size else "")
                for file in (each.weights, each.merges)
            ),
        )
        for each in FINDERS.values()
    ]
    return _table(("detector", "parameters", "sees", "licence", "files in `MODEL_DIR`"), rows)


def templates_gallery() -> str:
    """Every template of `connect`, with its picture."""
    return "\n".join(_gallery_section(each) for each in TEMPLATES.values())


def _gallery_section(template: Template) -> str:
    layout = template.layout
    labels = ", ".join(f"`{label}`" for label in template.labels)
    return (
        f"## {template.name}\n\n{template.about}\n\n"
        f"Asks by {layout.asks}; gives {layout.result} regions. Labels without `--label`: {labels}.\n\n"
        f"![{template.name} in Label Studio's editor](templates/{template.name}.png)\n"
    )


def capacity_each_table() -> str:
    """Annotators that one core and one GPU carry, by model."""
    return _table(capacity.EACH, capacity.each())


def capacity_orders_table() -> str:
    """What 25 to 10,000 annotators take."""
    return _table(capacity.ORDERS, capacity.orders())


def capacity_archive_table() -> str:
    """What a hundred million embeddings cost."""
    return _table(capacity.ARCHIVE, capacity.archive())


TABLES = {
    "templates": templates_gallery,
    "models": models_table,
    "finders": finders_table,
    "commands": commands_table,
    "settings": settings_table,
    "metrics": metrics_table,
    "metric_tags": metric_tags_table,
    "alerts": alerts_table,
    "errors": errors_table,
    "capacity_each": capacity_each_table,
    "capacity_orders": capacity_orders_table,
    "capacity_archive": capacity_archive_table,
}


def renewed(text: str) -> str:
    """The text of a page with each of its tables made anew."""
    return BLOCK.sub(lambda match: f"{match[1]}{TABLES[match[2]]()}{match[4]}", text)


def pages() -> list[Path]:
    """Every page of the docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def _shown(default: object) -> str:
    if default is None or default == () or isinstance(default, SecretStr):
        return "not set"
    if isinstance(default, tuple):
        return ",".join(str(part) for part in default)
    return str(default)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main() -> None:
    """Rewrite the tables of all pages."""
    for page in pages():
        page.write_text(renewed(page.read_text()))
        sys.stdout.write(f"{page.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
