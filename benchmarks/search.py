"""How long a search of a project takes, by examples and by words, and what the index leaves out.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.search
    python -m benchmarks.search --images 1000 10000 --tops 10 50 --folder /data/search --json figures.json

The images are generated: what a detector might have found in them, with vectors whose structure is stated in
``testing.found_things``. 10,000 of them take 3 GB in the folder, and some minutes. "As networks": variance
falls as in the embeddings of trained networks; "flat": it is the same in all directions, which is the worst
that an index of fewer numbers can meet. One thread of BLAS is what the command computes with.

Words are vectors that are apart from those of pictures, as in trained networks (``FoundThings.phrase``).

The time is that of the command once its tasks are listed and the index is made: what is kept is listed, the
index is read, the best images are looked at closely. The start of Python, the answers of Label Studio and,
for words, that of the backend come on top.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from benchmarks import command, machine
from benchmarks.bar import Bar
from embeddings.durable import DurableTier
from embeddings.durable_listing import stamps
from embeddings.options import DurableOptions
from finders.queries import Queries
from finders.search_index import SearchIndex
from serve_app.cli.console import console
from serve_app.cli.search.found_store import FoundStore
from testing.found_things import FoundThings

IMAGES = (1_000, 10_000)
TOPS = (50,)
QUERIES = 10
KINDS = {"as networks": 1.0, "flat": 0.0}


@dataclass(frozen=True, slots=True)
class Row:
    """Searches of one project. ``asked``: by examples or by words.

    ``written``, ``indexed``: seconds to write what was found, which a backend does, and of the first search,
    which makes the index of ``mib`` MiB.

    ``median``, ``slowest``: seconds of a search. ``by_index``: of the best images of an exact search, how
    many are among as many by the index alone, 0..1; ``recall``: and how many the search tells. ``least``: of
    one query. ``closely``: images that a search looked at closely, on average.
    """

    vectors: str
    asked: str
    images: int
    top: int
    written: float
    indexed: float
    mib: float
    median: float
    slowest: float
    by_index: float
    recall: float
    least: float
    closely: float


def key_of(number: int) -> str:
    """The key of an image."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:40]


def measure(vectors: str, things: FoundThings, images: int, tops: Sequence[int], folder: Path) -> list[Row]:
    """The rows of one project: by examples and by words, for each ``top``."""
    options = DurableOptions(durable=str(folder), durable_gib=1000)
    examples = [found.vectors[3] for found in things.images(QUERIES, seed=1)]
    words = [things.phrase(kind) for kind in range(min(QUERIES, things.kinds))]
    asked = {
        name: [Queries.of([vector], [0]) for vector in each]
        for name, each in (("examples", examples), ("words", words))
    }
    with asyncio.Runner() as runner:
        begun = time.perf_counter()
        exact = runner.run(_write(options, things, images, [*asked["examples"], *asked["words"]]))
        written = time.perf_counter() - begun
        begun = time.perf_counter()
        index, _ = runner.run(_opened(options, things.finder))
        indexed = time.perf_counter() - begun
        mib = sum(file.stat().st_size for file in folder.glob("*-search*/*/*")) / 2**20
        rows = []
        for top in tops:
            logits = iter(exact)
            for name, each in asked.items():
                searched = [runner.run(_search(options, things.finder, queries, top)) for queries in each]
                best = [set(np.argsort(-next(logits))[:top].tolist()) for _ in each]
                figures = _figures(searched, best, top)
                rows.append(Row(vectors, name, images, top, written, indexed, mib, *figures))
    assert len(index) == images
    return rows


def _figures(searched: Sequence[_Searched], best: Sequence[set[int]], top: int) -> tuple[float, ...]:
    """What a ``Row`` has of searches, of which ``best`` are the images of exact ones."""
    seconds = [each.seconds for each in searched]
    alone = [len(wanted & each.first) / top for wanted, each in zip(best, searched, strict=True)]
    shares = [len(wanted & each.told) / top for wanted, each in zip(best, searched, strict=True)]
    return (
        *(float(np.median(seconds)), max(seconds)),
        *(float(np.mean(alone)), float(np.mean(shares)), min(shares)),
        float(np.mean([each.closely for each in searched])),
    )


async def _write(
    options: DurableOptions, things: FoundThings, images: int, asked: Sequence[Queries]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Write what was found in each image; (queries, images) the exact logits."""
    tier = DurableTier(options, things.finder)
    exact = np.empty((len(asked), images), np.float32)
    together = Queries.of([queries.vectors[0] for queries in asked], range(len(asked)))
    with Bar(images) as bar:
        bar.begin(f"{images} images")
        for number, found in enumerate(things.images(images)):
            exact[:, number] = together.logits(found).max(0)
            await tier.put(key_of(number), found.as_embedding())
            bar.advance(1)
    return exact


async def _opened(options: DurableOptions, finder: str) -> tuple[SearchIndex, FoundStore]:
    store = FoundStore(options, finder, "benchmark")
    made = await store.index(await stamps(options, finder), lambda done, total: None)
    if made is None:
        raise RuntimeError("nothing was written")
    return made[0], store


@dataclass(frozen=True, slots=True)
class _Searched:
    """``told``: the images; ``closely``: how many were looked at; ``first``: what the index alone tells."""

    seconds: float
    told: set[int]
    closely: int
    first: set[int]


async def _search(options: DurableOptions, finder: str, queries: Queries, top: int) -> _Searched:
    begun = time.perf_counter()
    store = FoundStore(options, finder, "benchmark")
    made = await store.index(await stamps(options, finder), lambda done, total: None)
    if made is None:
        raise RuntimeError("nothing was written")
    index, projection = made
    matches = await store.closest(index, projection, queries, top)
    took = time.perf_counter() - begun
    numbers = {key_of(number): number for number in range(len(index))}
    keys = [bytes(row).hex() for row in index.keys]
    first = np.argsort(-index.logits(queries, projection))[:top]
    told = {numbers[key] for key, _ in matches}
    return _Searched(took, told, store.closely, {numbers[keys[row]] for row in first})


def table(rows: Sequence[Row]) -> Table:
    """A line for each project and number of images asked for."""
    made = Table(title="Search", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    headings = ("vectors", "asked by", "images", "best", "index MiB", "first search s", "s", "slowest s")
    for heading in (*headings, "index alone", "recall", "least", "closely"):
        made.add_column(heading, justify="left" if heading in headings[:2] else "right")
    for row in rows:
        made.add_row(
            *(row.vectors, row.asked, f"{row.images:,}", str(row.top)),
            *(f"{row.mib:.1f}", f"{row.indexed:.0f}"),
            *(f"{row.median:.2f}", f"{row.slowest:.2f}", f"{row.by_index:.3f}", f"{row.recall:.3f}"),
            *(f"{row.least:.2f}", f"{row.closely:.0f}"),
        )
    return made


def run(
    kinds: Sequence[str], images: Sequence[int], tops: Sequence[int], folder: Path, shown: Console
) -> dict[str, Any]:
    """Measure and print; the same figures as plain values, for JSON."""
    rows: list[Row] = []
    for vectors in kinds:
        things = FoundThings(decay=KINDS[vectors])
        for count in images:
            rows += measure(vectors, things, count, tops, folder / f"{vectors.replace(' ', '-')}-{count}")
    shown.print(machine.described(), markup=False)
    shown.print(table(rows))
    return {"machine": machine.described(), "rows": [asdict(row) for row in rows]}


def main() -> None:
    """Read the arguments, measure, print."""
    parser = argparse.ArgumentParser(description="Seconds of a search by its number of images, and recall.")
    parser.add_argument("--vectors", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--images", nargs="+", type=int, default=IMAGES, metavar="N")
    parser.add_argument("--tops", nargs="+", type=int, default=TOPS, metavar="N")
    parser.add_argument("--folder", type=Path, help="an empty folder with room, which keeps the images")
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()

    def measured(folder: Path) -> object:
        return run(given.vectors, given.images, given.tops, folder, console())

    command.run(measured, given.json, given.folder)


if __name__ == "__main__":
    main()
