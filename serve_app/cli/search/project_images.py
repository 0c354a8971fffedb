"""Which images the tasks of a project show, by their keys, so that a second search need not list them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from imaging.identity import canonical, image_key
from imaging.options import ImageOptions
from label_studio.client import LabelStudio
from label_studio.projects import Project
from label_studio.tasks import ListedTask, TaskListing, task_count
from protocol.bodies.predict import PredictBody
from protocol.bodies.task import Task
from protocol.click import read_images
from serve_app.cli.console import TaskProgress
from values.embedding import Embedding
from values.errors import ServiceError
from values.found import Malformed

IMAGES_OF_A_TASK = 1000
_AT_ONCE = 100
_KEY = 20


@dataclass(frozen=True, slots=True, eq=False)
class ProjectImages:
    """M pairs of a task and an image. ``tasks``: (M,) int64; ``keys``: (M, 20) uint8, the images' keys.

    ``last``: the highest id of a task that was listed; ``listed``: how many tasks were; ``context``: what
    else the keys depend on, see ``context_of``.
    """

    tasks: NDArray[np.int64]
    keys: NDArray[np.uint8]
    last: int
    listed: int
    context: str

    def tasks_by_key(self) -> dict[str, list[int]]:
        """The tasks that show an image, by its key in hex."""
        found: dict[str, list[int]] = {}
        for task, key in zip(self.tasks.tolist(), hexes(self.keys), strict=True):
            found.setdefault(key, []).append(task)
        return found

    def as_embedding(self, maker: str) -> Embedding:
        """The same as an embedding by ``maker``, to be kept like one."""
        arrays = {"tasks": self.tasks.view(np.uint8).reshape(-1, 8), "keys": self.keys}
        evidence = f"{self.context} {self.last} {self.listed}"
        return Embedding(arrays, maker, 1, 1, 1, 1, evidence=evidence)

    @classmethod
    def from_embedding(cls, kept: Embedding) -> Self:
        """What ``as_embedding`` was made of. Raises Malformed for anything else."""
        try:
            context, last, listed = kept.evidence.split(" ")
            tasks, keys = kept.arrays["tasks"], kept.arrays["keys"]
            fits = tasks.dtype == keys.dtype == np.uint8 and tasks.shape == (len(keys), 8)
            if not fits or keys.shape != (len(tasks), _KEY):
                raise ValueError("shapes")
            whole = np.ascontiguousarray(tasks).view(np.int64).reshape(len(tasks))
            return cls(whole, keys.view(np.uint8), int(last), int(listed), context)
        except (KeyError, ValueError) as error:
            raise Malformed("it is no list of tasks and images") from error


def context_of(project: Project, options: ImageOptions) -> str:
    """Changes where the same tasks may show other images, or have other keys."""
    aliases, root = sorted(options.label_studio_aliases), options.local_files_document_root is None
    said = repr((project.label_config, options.label_studio_url, aliases, root))
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def listed(
    studio: LabelStudio,
    project: Project,
    options: ImageOptions,
    known: ProjectImages | None,
    progress: TaskProgress,
) -> ProjectImages:
    """The images of a project's tasks. Of what is ``known`` only the tasks behind are asked for, unless some
    of them are gone. An image whose place cannot be read is not among them.

    A task whose data somebody changed keeps its former image until all tasks are listed again. Raises what
    ``LabelStudio`` raises.
    """
    context = context_of(project, options)
    if known is not None and known.context == context:
        added = TaskListing(studio, project.id, behind=known.last)
        if task_count(studio, project.id) - (added.total or 0) == known.listed:
            return _joined(known, added, project, options, progress)
    nothing = ProjectImages(np.zeros(0, np.int64), np.zeros((0, _KEY), np.uint8), 0, 0, context)
    return _joined(nothing, TaskListing(studio, project.id), project, options, progress)


def _joined(
    known: ProjectImages,
    listing: TaskListing,
    project: Project,
    options: ImageOptions,
    progress: TaskProgress,
) -> ProjectImages:
    tasks, keys, last, count = [known.tasks], [known.keys], known.last, known.listed
    in_order = iter(listing)
    while window := list(islice(in_order, _AT_ONCE)):
        pairs = list(_pairs(window, project, options))
        tasks.append(np.array([task for task, _ in pairs], np.int64))
        keys.append(_rows([key for _, key in pairs]))
        last, count = window[-1].id, count + len(window)
        progress.task_done(count, known.listed + (listing.total or 0), 0)
    return ProjectImages(np.concatenate(tasks), np.concatenate(keys), last, count, known.context)


def _pairs(window: list[ListedTask], project: Project, options: ImageOptions) -> Iterator[tuple[int, str]]:
    for task in window:
        body = PredictBody((Task(task.id, msgspec.Raw(task.data)),), str(project.id), project.label_config)
        for source in read_images(body, IMAGES_OF_A_TASK):
            try:
                yield task.id, image_key(canonical(source, options))
            except ServiceError:  # no backend has looked at an image whose place it cannot read
                continue


def hexes(keys: NDArray[np.uint8]) -> list[str]:
    """Each of (N, 20) keys as 40 hex digits."""
    written = np.ascontiguousarray(keys).tobytes().hex()
    return [written[start : start + 2 * _KEY] for start in range(0, len(written), 2 * _KEY)]


def _rows(keys: list[str]) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex("".join(keys)), np.uint8).reshape(-1, _KEY)
