"""``python -m serve_app search``: the tasks of a project whose images show what an example shows."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from embeddings.durable_listing import stamps
from embeddings.options import DurableOptions
from finders.detector import known_version
from finders.options import FinderOptions
from finders.queries import NOT_MEANT, Queries, example
from imaging.identity import canonical, image_key
from imaging.options import ImageOptions
from label_studio.client import LabelStudio
from label_studio.pages import task_page
from label_studio.projects import Project, project_of
from segmenters.options import ModelOptions
from serve_app.cli.common_options import (
    LABEL_STUDIO,
    AsJson,
    CommandError,
    LabelStudioUrl,
    Token,
    label_studio_at,
)
from serve_app.cli.console import console, task_progress
from serve_app.cli.examples import Example, example_of, read_name
from serve_app.cli.interruptions import noted
from serve_app.cli.search.found_store import FoundStore, Match
from serve_app.cli.search.project_images import ProjectImages, listed
from serve_app.cli.search.searched import Hit, Searched, remedy
from serve_app.settings import Settings, SettingsError
from values.errors import BadPrompt, ModelError

MOST_EXAMPLES = 64
"""Of one search, those of what is not meant among them."""


def search(
    project: Annotated[int, typer.Option("--project", min=1, help="Id of the project.", show_default=False)],
    like: Annotated[
        list[str],
        typer.Option(
            "--like",
            help="A task and a region of it, as in 17:Xk3fQz; repeat the option for more.",
            show_default=False,
        ),
    ],
    not_like: Annotated[
        list[str] | None,
        typer.Option("--not-like", help="The same, of what is not meant.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="Images that are shown.")] = 50,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="List all tasks and read all that is kept again.")
    ] = False,
    label_studio_url: LabelStudioUrl = LABEL_STUDIO,
    token: Token = "",
    as_json: AsJson = False,
) -> None:
    """List the tasks of a project by how much they show what an annotated region shows.

    Reads what the detector of FINDER saw in the images, which DURABLE keeps; these and LABEL_STUDIO_URL must
    be as the backend has them, which need not run. Changes nothing in Label Studio. The first search of a
    project makes an index, which takes longer. Ends with status 1 where it cannot search, 130 after Ctrl-C.
    """
    told = Searched(project)
    try:
        kept = Kept.of(label_studio_url)
        meant = [read_name(each, "--like") for each in like]
        not_meant = [read_name(each, "--not-like") for each in not_like or ()]
        if len(meant) + len(not_meant) > MOST_EXAMPLES:
            raise CommandError(f"at most {MOST_EXAMPLES} examples are taken at once")
        studio = label_studio_at(label_studio_url, token)
    except (CommandError, SettingsError, ModelError) as error:
        raise typer.BadParameter(str(error)) from None
    told.finder = kept.finder
    with noted(told), studio, asyncio.Runner() as runner:
        found = project_of(studio, project)
        examples = [example_of(studio, found, *each) for each in [*meant, *not_meant]]
        one = Search(studio, found, kept, told, runner, quiet=as_json)
        one.run(examples[: len(meant)], examples[len(meant) :], top, rebuild=rebuild)
    _tell(told, as_json)
    raise typer.Exit(told.status)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where what was found is kept, and by whom: as the settings of the backend say."""

    durable: DurableOptions
    images: ImageOptions
    finder: str

    @classmethod
    def of(cls, label_studio_url: str) -> Kept:
        """By the environment. Raises CommandError, SettingsError, ModelError."""
        settings = Settings()
        durable, images = settings.part(DurableOptions), settings.part(ImageOptions)
        if settings.finder == "none":
            raise CommandError(
                "FINDER is none, so that no detector looks at images; set it to that of the backend, such as "
                "owlv2_base"
            )
        if durable.durable is None:
            raise CommandError(
                "DURABLE is not set, so that nothing is kept to be searched; set it to the folder or bucket "
                "of the backend"
            )
        if images.label_studio_url is None:
            images = images.model_copy(update={"label_studio_url": label_studio_url.strip().rstrip("/")})
        version = known_version(settings.part(FinderOptions), settings.part(ModelOptions))
        return cls(durable, images, version)


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

    def run(self, meant: list[Example], not_meant: list[Example], top: int, *, rebuild: bool) -> None:
        """Search. Raises ServiceError, KeyboardInterrupt."""
        queries = self._runner.run(self._queries(meant, not_meant))
        images = self._images(rebuild=rebuild)
        matches = self._runner.run(self._matches(images, queries, meant, top, rebuild=rebuild))
        self._told.hits = list(self._hits(images, matches))

    def _images(self, *, rebuild: bool) -> ProjectImages:
        """The project's images, listed as far as they are not known."""
        known = None if rebuild else self._runner.run(self._store.images())
        with task_progress(quiet=self._quiet) as progress:
            images = listed(self._studio, self._project, self._kept.images, known, progress)
        if known is None or (images.last, images.listed) != (known.last, known.listed):
            self._runner.run(self._store.keep_images(images))
        return images

    async def _matches(
        self,
        images: ProjectImages,
        queries: Queries,
        meant: list[Example],
        top: int,
        *,
        rebuild: bool,
    ) -> list[Match]:
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
        own = {self._key(each) for each in meant}
        matches = await self._store.closest(*made, queries, top, own)
        self._told.seconds, self._told.closely = time.perf_counter() - begun, self._store.closely
        return matches

    async def _queries(self, meant: list[Example], not_meant: list[Example]) -> Queries:
        vectors = []
        for each in [*meant, *not_meant]:
            found = await self._store.found(self._key(each))
            if found is None:
                raise CommandError(
                    f"the image of task {each.task} was not looked at by {self._kept.finder}, or it is not "
                    f"kept in DURABLE as it is set here; {remedy(self._project.id)}"
                )
            try:
                vectors.append(example(found, each.box))
            except BadPrompt as error:
                raise CommandError(f"region {each.region} of task {each.task}: {error.detail}") from None
        return Queries.of(vectors, [0] * len(meant) + [NOT_MEANT] * len(not_meant))

    def _key(self, each: Example) -> str:
        return image_key(canonical(each.image, self._kept.images))

    def _hits(self, images: ProjectImages, matches: list[Match]) -> list[Hit]:
        tasks, found = images.tasks_by_key(), []
        for key, match in sorted(matches, key=lambda each: (-each[1].logit, tasks[each[0]])):
            left, top, right, bottom = (round(100 * edge, 2) for edge in match.box)
            for task in tasks[key]:
                link = task_page(self._studio.url, self._project.id, task)
                size = round(right - left, 2), round(bottom - top, 2)
                found.append(Hit(task, round(match.score, 4), left, top, *size, link))
        return found


def _tell(told: Searched, as_json: bool) -> None:
    if told.stopped:
        typer.secho(f"search: {told.stopped}", fg="red", err=True)
    if as_json:
        typer.echo(json.dumps(told.as_json()))
        return
    if told.hits:
        console().print(told.table())
    if not told.stopped and not told.interrupted:
        typer.echo("\n".join(told.lines()))
