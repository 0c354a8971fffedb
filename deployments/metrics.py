"""Every metric of the application, in one table.

They are Ray Serve metrics: each replica exports them with the tags `application`, `deployment` and `replica`
through Ray's own Prometheus exporter, under the name `ray_` + name (counters with `_total` added).
"""

from __future__ import annotations

from ray.serve import metrics

from values.priority import Priority

COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sam_requests": (
        "Requests by route and what became of them (ok, no_mask, hung_up, or the code of an error).",
        ("route", "code"),
    ),
    "sam_clicks": (
        "Clicks that were read, by what became of them (ok, no_mask, or the code of an error).",
        ("code",),
    ),
    "sam_clicks_refused": (
        "Clicks that would have waited longer than `max_wait_s`, by who refused them: the `door`, before they"
        " were read, or the `decoder` that owns the image.",
        ("by",),
    ),
    "sam_images_fetched": ("Images that were read and decoded.", ()),
    "sam_images_encoded": ("Images that were encoded.", ()),
    "sam_images_ahead": (
        "Images that were made ready before anybody clicked (`ready`), and whether a click came (`used`) or"
        " they left memory without one (`unused`).",
        ("became",),
    ),
    "sam_device_failures": (
        "Images and prompts that a GPU or a runtime failed to compute; see the log of the replica.",
        (),
    ),
    "sam_durable_problems": (
        "Failures of the durable tier: read, write, forget, damaged, sweep, busy (too many wait for it).",
        ("kind",),
    ),
    "sam_embedding_lookups": ("Embeddings asked for, by where they were found.", ("found",)),
    "sam_finds": (
        "Phrases and examples that were looked for, by what became of them (ok, no_mask, or the code of an"
        " error).",
        ("code",),
    ),
    "sam_found_lookups": ("What a detector saw in an image, asked for, by where it was found.", ("found",)),
    "sam_memory_evictions": ("Embeddings that left a decoder replica's memory because it was full.", ()),
}
HISTOGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sam_click_seconds": (
        "Seconds from a click that has been read to its answer, by whether the embedding was in memory.",
        ("cache",),
    ),
    "sam_stage_seconds": ("Seconds of a click by stage.", ("stage",)),
    "sam_image_seconds": ("Seconds of an image that has no embedding yet, by stage.", ("stage",)),
    "sam_waited_seconds": (
        "Seconds that images waited for their turn, by queue and by who waited for them.",
        ("queue", "priority"),
    ),
    "sam_mask_bytes": ("Bytes of an answer with a mask, as JSON.", ()),
}
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "sam_queue_length": (
        "Clicks (`decode`) and images (`read`, `encode`) that a replica works on, waiting ones too.",
        ("queue",),
    ),
    "sam_memory_bytes": ("Bytes of image embeddings kept by a decoder replica.", ()),
    "sam_memory_limit_bytes": ("Bytes that they may take: `cache_mib`.", ()),
    "sam_memory_images": ("Images whose embedding a decoder replica keeps.", ()),
}
VALUES: dict[str, tuple[str, ...]] = {
    "route": ("the paths in protocol.md", "warm"),
    "code": ("ok", "no_mask", "hung_up", "the codes in protocol.md"),
    "by": ("door", "decoder"),
    "became": ("ready", "used", "unused"),
    "kind": ("read", "write", "forget", "damaged", "sweep", "busy"),
    "found": ("memory", "neighbour", "durable", "joined", "miss"),
    "cache": ("hit", "miss"),
    "stage": (
        *("parse", "route", "embedding", "queue", "decode", "resample", "region", "serialise"),
        *("read", "encode"),
    ),
    "queue": ("ahead", "decode", "encode", "read"),
    "priority": tuple(each.name.lower() for each in Priority),
}
"""What each tag can be: few values, whatever clients send, since each combination is a series of its own."""

SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 90]
BYTES = [float(4**power) for power in range(4, 14)]  # 256 bytes to 64 MiB
_BOUNDARIES = {"sam_mask_bytes": BYTES}


class Metrics:
    """The metrics of one replica."""

    def __init__(self) -> None:
        self._counters = {
            name: metrics.Counter(name, description=text, tag_keys=tags)
            for name, (text, tags) in COUNTERS.items()
        }
        self._histograms = {
            name: metrics.Histogram(
                name, description=text, boundaries=_BOUNDARIES.get(name, SECONDS), tag_keys=tags
            )
            for name, (text, tags) in HISTOGRAMS.items()
        }
        self._gauges = {
            name: metrics.Gauge(name, description=text, tag_keys=tags)
            for name, (text, tags) in GAUGES.items()
        }

    def of_found(self) -> Metrics:
        """For the tier of what a detector saw: its look-ups have a name of their own, and its memory none."""
        return _FoundMetrics(self)

    def find(self, code: str) -> None:
        """Count a request to find something that was read and ended as ``code``."""
        self._counters["sam_finds"].inc(tags={"code": code})

    def request(self, route: str, code: str, count: int = 1) -> None:
        """Count requests to ``route`` that ended as ``code``."""
        self._counters["sam_requests"].inc(count, tags={"route": route, "code": code})

    def click(self, code: str) -> None:
        """Count a click that was read and ended as ``code``."""
        self._counters["sam_clicks"].inc(tags={"code": code})

    def answered(self, seconds: float, nbytes: int, *, warm: bool) -> None:
        """Observe a click that was answered after ``seconds``, with ``nbytes`` of JSON.

        ``warm``: the embedding was in memory.
        """
        cache = {"cache": "hit" if warm else "miss"}
        self._histograms["sam_click_seconds"].observe(seconds, tags=cache)
        self._histograms["sam_mask_bytes"].observe(nbytes)

    def refused(self, by: str, count: int = 1) -> None:
        """Count clicks that were refused by the door or by a decoder."""
        self._counters["sam_clicks_refused"].inc(count, tags={"by": by})

    def embedding(self, found: str) -> None:
        """Count an embedding that was asked for and ``found``: memory, neighbour, durable, joined or miss."""
        self._counters["sam_embedding_lookups"].inc(tags={"found": found})

    def fetched(self) -> None:
        """Count one image that was read."""
        self._counters["sam_images_fetched"].inc()

    def encoded(self, images: int) -> None:
        """Count the images of one batch."""
        self._counters["sam_images_encoded"].inc(images)

    def image_stage(self, stage: str, seconds: float) -> None:
        """Observe the wall time of one stage of an image that has no embedding yet."""
        self._histograms["sam_image_seconds"].observe(seconds, tags={"stage": stage})

    def waited(self, queue: str, priority: Priority, seconds: float) -> None:
        """Observe how long an image waited in a queue for its turn."""
        tags = {"queue": queue, "priority": priority.name.lower()}
        self._histograms["sam_waited_seconds"].observe(seconds, tags=tags)

    def ahead(self, became: str, images: int = 1) -> None:
        """Count images that were made ready before anybody clicked, or what became of them."""
        self._counters["sam_images_ahead"].inc(images, tags={"became": became})

    def evicted(self, images: int) -> None:
        """Count embeddings that left the memory tier because it was full."""
        self._counters["sam_memory_evictions"].inc(images)

    def device_failed(self) -> None:
        """Count one image or prompt that the device failed to compute."""
        self._counters["sam_device_failures"].inc()

    def durable_problem(self, kind: str) -> None:
        """Count one failure of the durable tier."""
        self._counters["sam_durable_problems"].inc(tags={"kind": kind})

    def stage(self, stage: str, seconds: float) -> None:
        """Observe the wall time of one stage of a click."""
        self._histograms["sam_stage_seconds"].observe(seconds, tags={"stage": stage})

    def queue(self, queue: str, length: int) -> None:
        """Report what a replica works on, with what waits there."""
        self._gauges["sam_queue_length"].set(length, tags={"queue": queue})

    def memory(self, nbytes: int, images: int, limit: int) -> None:
        """Report what the memory tier holds, and how many bytes it may."""
        self._gauges["sam_memory_bytes"].set(nbytes)
        self._gauges["sam_memory_limit_bytes"].set(limit)
        self._gauges["sam_memory_images"].set(images)


class _FoundMetrics(Metrics):
    """The same metrics, but for those that are of embeddings alone."""

    def __init__(self, metrics: Metrics) -> None:
        self._counters = metrics._counters
        self._histograms = metrics._histograms
        self._gauges = metrics._gauges

    def embedding(self, found: str) -> None:
        """Count what a detector saw, which was asked for and ``found``, as ``Metrics.embedding`` does."""
        self._counters["sam_found_lookups"].inc(tags={"found": found})

    def ahead(self, became: str, images: int = 1) -> None:
        """Nothing: images are counted once."""

    def evicted(self, images: int) -> None:
        """Nothing: what left is small, and is read or made again."""

    def memory(self, nbytes: int, images: int, limit: int) -> None:
        """Nothing: its bound is small beside that of the embeddings."""
