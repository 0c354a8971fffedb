"""A search of one project, done: its images, their index, the best of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence

from embeddings.durable_listing import stamps
from label_studio.client import LabelStudio
from label_studio.pages import task_page
from label_studio.projects import Project
from serve_app.cli.common_options import CommandError
from serve_app.cli.console import task_progress
from serve_app.cli.examples import Example
from serve_app.cli.search.asked import Asked, by_examples
from serve_app.cli.search.found_store import FoundStore, Match
from serve_app.cli.search.kept import Kept
from serve_app.cli.search.project_images import ProjectImages, listed
from serve_app.cli.search.searched import Hit, Searched


class Search:
    """One search of one project; what it comes to is in ``told``."""

    def __init__(
        self,
        studio: LabelStudio,
        project: Project,
        kept: Kept,
        told: Searched,
        runner: asyncio.Runner,
        *,
        quiet: bool,
    ) -> None:
        self._studio = studio
        self._project = project
        self._kept = kept
        self._told = told
        self._runner = runner
        self._quiet = quiet
        owner = f"{kept.images.label_studio_url}|{project.id}"
        self._store = FoundStore(kept.durable, kept.finder, owner)

    def examples(self, meant: Sequence[Example], not_meant: Sequence[Example]) -> Asked:
        """What these ask for. Raises what ``by_examples`` raises."""
        kept = self._kept
        return self._runner.run(
            by_examples(meant, not_meant, self._store, kept.finder, self._project.id, kept.images)
        )

    def run(self, asked: Asked, top: int, *, rebuild: bool) -> None:
        """Search. Raises ServiceError, KeyboardInterrupt."""
        images = self._images(rebuild=rebuild)
        matches = self._runner.run(self._matches(images, asked, top, rebuild=rebuild))
        self._told.hits = list(self._hits(images, matches))

    def _images(self, *, rebuild: bool) -> ProjectImages:
        """The project's images, listed as far as they are not known."""
        known = None if rebuild else self._runner.run(self._store.images())
        with task_progress(quiet=self._quiet) as progress:
            images = listed(self._studio, self._project, self._kept.images, known, progress)
        if known is None or (images.last, images.listed) != (known.last, known.listed):
            self._runner.run(self._store.keep_images(images))
        return images

    async def _matches(self, images: ProjectImages, asked: Asked, top: int, *, rebuild: bool) -> list[Match]:
        begun = time.perf_counter()
        tasks, there = images.tasks_by_key(), await stamps(self._kept.durable, self._kept.finder)
        wanted = {key: there[key] for key in tasks if key in there}
        self._told.images, self._told.looked_at = len(tasks), len(wanted)
        with task_progress(quiet=self._quiet) as progress:

            def tell(done: int, total: int) -> None:
                progress.task_done(done, total, 0)

            made = await self._store.index(wanted, tell, rebuild=rebuild)
        if made is None:
            return []
        given, kept = asked.queries.vectors.shape[1], len(made[1].basis)
        if given != kept:
            raise CommandError(
                f"a phrase is {given} numbers to the backend, and what {self._kept.finder} saw has {kept}: "
                "that is another detector; check --backend"
            )
        matches = await self._store.closest(*made, asked.queries, top, asked.shown)
        self._told.seconds, self._told.closely = time.perf_counter() - begun, self._store.closely
        return matches

    def _hits(self, images: ProjectImages, matches: list[Match]) -> Iterator[Hit]:
        tasks, phrases = images.tasks_by_key(), self._told.phrases
        for key, match in sorted(matches, key=lambda each: (-each[1].logit, tasks[each[0]])):
            left, top, right, bottom = (round(100 * edge, 2) for edge in match.box)
            size = round(right - left, 2), round(bottom - top, 2)
            phrase = phrases[match.answers] if phrases else None
            for task in tasks[key]:
                link = task_page(self._studio.url, self._project.id, task)
                yield Hit(task, round(match.score, 4), left, top, *size, link, phrase)
