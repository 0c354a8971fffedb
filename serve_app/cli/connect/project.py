"""Finding or making the Label Studio project, and giving it labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from label_studio.client import LabelStudio
from label_studio.projects import Project, new_project, project_of, projects_called, set_label_config
from protocol import config_template
from protocol.config_template import Layout, Result
from protocol.label_config import LabelConfig, parse
from protocol.templates import DEFAULT_LABELS, LAYOUTS, Template
from serve_app.cli.common_options import CommandError
from values.errors import BadLabelConfig

DEFAULT_TITLE = "Segment Anything"


@dataclass(frozen=True, slots=True)
class Taken:
    """A Label Studio project and what was done about it, as words for the report."""

    id: int
    title: str
    labels: tuple[str, ...]
    done: str
    labels_done: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for: a project by id or title, labels, what of its config matters (None: nothing)."""

    name: str
    labels: Sequence[str] = ()
    result: Result | None = None
    template: Template | None = None
    explains: bool | None = None

    @property
    def asks_for_a_layout(self) -> bool:
        """Whether the config matters, besides its labels."""
        return any(each is not None for each in (self.result, self.template, self.explains))

    def layout(self, before: Layout | None) -> Layout:
        """The layout that is asked for of a config that is of the layout ``before``, or of none of ours."""
        made = self.template.layout if self.template else before or Layout()
        made = replace(made, result=self.result) if self.result else made
        explains = bool(before and before.explains) if self.explains is None else self.explains
        return replace(made, explains=explains)

    @property
    def default_labels(self) -> tuple[str, ...]:
        """The labels of a project that has none, where none are asked for."""
        return self.template.labels if self.template else DEFAULT_LABELS


def take(studio: LabelStudio, asked: Wanted) -> Taken:
    """The project of that name, with its labels; made if no project has that title.

    A labeling config that is already there is kept, unless more is asked for: then labels are added to a
    config that this command wrote, and any other config is replaced while nothing is annotated.
    Raises ``CommandError``, or what ``LabelStudio`` raises.
    """
    name, wanted = asked.name, _checked(asked.labels)
    found = _find(studio, name)
    if found is None:
        chosen = wanted or asked.default_labels
        made = new_project(studio, name, config_template.build(chosen, asked.layout(None)))
        return Taken(made.id, name, tuple(chosen), "created", "set")
    return _with_labels(studio, found, wanted, asked)


def _checked(labels: Sequence[str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(label.strip() for label in labels))
    if any(not label or not label.isprintable() for label in wanted):
        raise CommandError("--label needs a name that is not empty and has no control characters")
    return wanted


def _find(studio: LabelStudio, name: str) -> Project | None:
    if name.isdecimal():
        return project_of(studio, int(name))
    exact = projects_called(studio, name)
    if len(exact) > 1:
        ids = ", ".join(map(str, sorted(exact)))
        raise CommandError(
            f"several projects are called {name!r} ({ids}); choose one with --project and its id"
        )
    return project_of(studio, exact[0]) if exact else None


def _with_labels(studio: LabelStudio, found: Project, wanted: tuple[str, ...], asked: Wanted) -> Taken:
    config, number, title = found.label_config, found.id, found.title
    read = _read(config)
    present = tuple(read.common_labels)
    before = config_template.layout_of(config, present, LAYOUTS)
    layout = asked.layout(before)
    same_layout = not asked.asks_for_a_layout or layout == before
    if config_template.is_empty(config):
        new, done = wanted or asked.default_labels, "set"
    elif set(wanted) <= set(present) and same_layout and (not wanted or read.asks_backend):
        warning = "" if read.asks_backend else _no_smart_control(title)
        return Taken(number, title, present, "unchanged", "unchanged", warning)
    elif before is not None and (_takes_annotations(layout, before) or not found.annotations):
        added = tuple(label for label in wanted if label not in present)
        new, done = (*present, *added), "added to" if added else _changed(layout, before)
    elif not found.annotations:
        new = wanted or present or asked.default_labels
        done = "set; the labeling config before was replaced, nothing was annotated with it"
    elif before is not None:
        raise CommandError(
            f"project {number} {title!r} has annotations made with results as {before.result}; leave out "
            f"--output and --template, or take another project for results as {layout.result}"
        )
    else:
        raise CommandError(
            f"project {number} {title!r} has annotations and a labeling config of its own without these "
            "labels; add them under its Settings > Labeling Interface, or leave out --label, --output, "
            "--template and --explain"
        )
    set_label_config(studio, number, config_template.build(new, layout))
    return Taken(number, title, tuple(new), "unchanged", done)


def _takes_annotations(layout: Layout, before: Layout) -> bool:
    """Whether what was annotated in the layout ``before`` can be shown in another one."""
    return replace(before, explains=layout.explains) == layout


def _changed(layout: Layout, before: Layout) -> str:
    if layout.explains != before.explains:
        return f"now {'with' if layout.explains else 'without'} a line that says why a click got no mask"
    return f"now for results as {layout.result}"


def _read(config: str) -> LabelConfig:
    """What the backend makes of it: nothing, where it cannot be read."""
    try:
        return parse(config)
    except BadLabelConfig:
        return LabelConfig()


def _no_smart_control(title: str) -> str:
    return (
        f"the labeling config of {title!r} has no smart keypoint or rectangle control, so no click will "
        'reach the backend; add KeyPointLabels or RectangleLabels with smart="true"'
    )
