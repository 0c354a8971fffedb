"""The projects of Label Studio: what of one is of use here, and how it is found, made and changed."""

from __future__ import annotations

from dataclasses import dataclass, field

from label_studio.api import Json, read_json
from label_studio.client import LabelStudio

_PROJECTS = "/api/projects/"
_AT_ONCE = 1000
"""Projects whose titles have a part in common."""

NO_CONFIG = "<View></View>"
"""How Label Studio says that a project was never given a labeling config."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project. ``annotations``: how many it has; ``login``, ``password``: for the host of its images."""

    id: int
    title: str = ""
    label_config: str = NO_CONFIG
    annotations: int = 0
    login: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


def project_of(studio: LabelStudio, number: int) -> Project:
    """The project with that id. Raises what ``LabelStudio`` raises."""
    body = studio.read_one(f"{_PROJECTS}{number}/", f"project {number}")
    return _read(studio, read_json(body, studio.at))


def projects_called(studio: LabelStudio, title: str) -> list[int]:
    """The ids of all projects with that very title. Raises what ``LabelStudio`` raises."""
    # Label Studio's filter matches any part of a title, so the exact ones are picked here.
    listed = studio.get(_PROJECTS, title=title, page_size=_AT_ONCE)
    try:
        return [int(project["id"]) for project in listed["results"] if project["title"] == title]
    except (KeyError, TypeError, ValueError):
        raise studio.at.unlike("list projects") from None


def new_project(studio: LabelStudio, title: str, label_config: str) -> Project:
    """Make a project. Raises what ``LabelStudio`` raises."""
    return _read(studio, studio.post(_PROJECTS, {"title": title, "label_config": label_config}))


def set_label_config(studio: LabelStudio, number: int, label_config: str) -> None:
    """Give a project another labeling config. Raises what ``LabelStudio`` raises."""
    studio.patch(f"{_PROJECTS}{number}/", {"label_config": label_config})


def import_files(studio: LabelStudio, number: int, files: dict[str, bytes]) -> None:
    """Upload files, a task each; ``files`` by their names. Raises what ``LabelStudio`` raises."""
    studio.upload(f"{_PROJECTS}{number}/import", files)


def _read(studio: LabelStudio, found: Json) -> Project:
    try:
        return Project(
            int(found["id"]),
            str(found.get("title") or ""),
            str(found.get("label_config") or NO_CONFIG),
            int(found.get("total_annotations_number") or 0),
            found.get("task_data_login") or None,
            found.get("task_data_password") or None,
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise studio.at.unlike("show projects") from None
