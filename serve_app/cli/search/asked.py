"""What a search is asked for, by words or by examples, as queries to what the detector saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finders.queries import NOT_MEANT, Queries, example
from imaging.identity import canonical, image_key
from imaging.options import ImageOptions
from label_studio.ml_backends import Backend
from serve_app.cli.common_options import CommandError
from serve_app.cli.examples import Example
from serve_app.cli.own_application import application_at
from serve_app.cli.phrases_route import PhrasesRoute
from serve_app.cli.search.found_store import FoundStore
from serve_app.cli.search.searched import remedy
from values.errors import BadPrompt


@dataclass(frozen=True, slots=True)
class Asked:
    """``queries``: of phrases each has a class of its own, its place among them. ``shown``: the keys of the
    images that hold the examples, which are not told."""

    queries: Queries
    shown: frozenset[str] = frozenset()


def by_words(phrases: Sequence[str], finder: str, backend: Backend, own: Mapping[str, str] | None) -> Asked:
    """What phrases mean to the detector ``finder``, which the backend tells.

    ``own``: variables of an application of the command's own, None where there is to be none. Raises
    CommandError for a phrase that the detector cannot read, and where no such detector answers.
    """
    with application_at(backend, own), PhrasesRoute(backend) as route:
        route.check()
        theirs, vectors = route.read(phrases)
    if theirs != finder:
        raise CommandError(
            f"{backend.url} reads phrases with {theirs}, and what {finder} saw is to be searched; set FINDER "
            "and MODEL_DIR to those of that backend, or --backend to that of this detector"
        )
    return Asked(Queries.of(list(vectors), range(len(phrases))))


async def by_examples(
    meant: Sequence[Example],
    not_meant: Sequence[Example],
    store: FoundStore,
    finder: str,
    project: int,
    images: ImageOptions,
) -> Asked:
    """What is in the regions of examples. Raises CommandError where the detector did not look at their
    images, or sees nothing there."""
    vectors, keys = [], []
    for each in [*meant, *not_meant]:
        keys.append(image_key(canonical(each.image, images)))
        found = await store.found(keys[-1])
        if found is None:
            raise CommandError(
                f"the image of task {each.task} was not looked at by {finder}, or it is not kept in DURABLE "
                f"as it is set here; {remedy(project)}"
            )
        try:
            vectors.append(example(found, each.box))
        except BadPrompt as error:
            raise CommandError(f"region {each.region} of task {each.task}: {error.detail}") from None
    queries = Queries.of(vectors, [0] * len(meant) + [NOT_MEANT] * len(not_meant))
    return Asked(queries, frozenset(keys[: len(meant)]))
