"""Every metric of the application, in one table.

They are Ray Serve metrics: each replica exports them with the tags `application`, `deployment` and `replica`
through Ray's own Prometheus exporter, under the name `ray_` + name (counters with `_total` added).
"""

from __future__ import annotations

from ray.serve import metrics

COUNTERS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sam_requests": (
        "Requests by route and what became of them (ok, no_mask, hung_up, or the code of an error).",
        ("route", "code"),
    ),
    "sam_clicks_refused": (
        "Clicks that would have waited longer than `max_wait_s`, by who refused them: the `door`, before they"
        " were read, or the `decoder` that owns the image.",
        ("by",),
    ),
    "sam_images_fetched": ("Images that were read and decoded.", ()),
    "sam_images_encoded": ("Images that were encoded.", ()),
    "sam_device_failures": (
        "Images and prompts that a GPU or a runtime failed to compute; see the log of the replica.",
        (),
    ),
    "sam_durable_problems": (
        "Failures of the durable tier: read, write, forget, damaged, sweep, busy (too many wait for it).",
        ("kind",),
    ),
    "sam_embedding_lookups": ("Embeddings asked for, by where they were found.", ("found",)),
}
HISTOGRAMS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sam_stage_seconds": ("Seconds of a click by stage.", ("stage",)),
}
GAUGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "sam_memory_bytes": ("Bytes of image embeddings kept by a decoder replica.", ()),
    "sam_memory_images": ("Images whose embedding a decoder replica keeps.", ()),
}
SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 90]


class Metrics:
    """The metrics of one replica."""

    def __init__(self) -> None:
        self._counters = {
            name: metrics.Counter(name, description=text, tag_keys=tags)
            for name, (text, tags) in COUNTERS.items()
        }
        self._histograms = {
            name: metrics.Histogram(name, description=text, boundaries=SECONDS, tag_keys=tags)
            for name, (text, tags) in HISTOGRAMS.items()
        }
        self._gauges = {
            name: metrics.Gauge(name, description=text, tag_keys=tags)
            for name, (text, tags) in GAUGES.items()
        }

    def request(self, route: str, code: str, count: int = 1) -> None:
        """Count requests to ``route`` that ended as ``code``."""
        self._counters["sam_requests"].inc(count, tags={"route": route, "code": code})

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

    def device_failed(self) -> None:
        """Count one image or prompt that the device failed to compute."""
        self._counters["sam_device_failures"].inc()

    def durable_problem(self, kind: str) -> None:
        """Count one failure of the durable tier."""
        self._counters["sam_durable_problems"].inc(tags={"kind": kind})

    def stage(self, stage: str, seconds: float) -> None:
        """Observe the wall time of one stage of a click."""
        self._histograms["sam_stage_seconds"].observe(seconds, tags={"stage": stage})

    def memory(self, nbytes: int, images: int) -> None:
        """Report what the memory tier holds."""
        self._gauges["sam_memory_bytes"].set(nbytes)
        self._gauges["sam_memory_images"].set(images)
