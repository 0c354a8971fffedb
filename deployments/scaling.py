"""How many replicas are wanted, by what they decode: clicks, or images.

Serve's own rule counts requests, and so also those that wait: for an encoder, for a host that sends nothing.
Another replica speeds up none of them. A decoder takes its share of the images from those that hold their
embeddings, and whatever starts takes the cores of what works.
"""

# Serve pickles this module by value for its controller, which need not find it: nothing but the standard
# library is imported here.
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

LOAD = "decoding"
"""Name of the load of one replica: what is decoded or waits for a place to be, for each place."""

ROOM = "room"
"""Name of how many replicas the cores can feed, as a replica knows it."""

ENDLESS = 1e6
"""Room where machines may be added; a number of which Serve can take the mean."""

BUSY = 0.7
"""Load, as a mean over time, at which a replica is as busy as it should be; beyond, clicks queue."""


class Context(Protocol):
    """What is read of Serve's AutoscalingContext."""

    @property
    def aggregated_metrics(self) -> Mapping[str, Mapping[Any, float]] | None:
        """What replicas have reported, by name and by replica, as a mean over the last half minute."""

    @property
    def target_num_replicas(self) -> int:
        """Replicas that are wanted as yet."""

    @property
    def current_num_replicas(self) -> int:
        """Replicas that run."""


def by_clicks_in_decode(context: Context) -> tuple[float, dict[str, Any]]:
    """For decoders, whose load is clicks."""
    return _by_load(context)


def by_images_in_decode(context: Context) -> tuple[float, dict[str, Any]]:
    """For fetchers, whose load is images."""
    return _by_load(context)


def _by_load(context: Context) -> tuple[float, dict[str, Any]]:
    """(replicas wanted, nothing to remember), before the bounds and delays of ``autoscaling_config``.

    As many as make each ``BUSY`` with what all decode together; not less than now while one has not reported.
    Not more than there is room for: the others would take the cores from those that have the embeddings.
    """
    reported = context.aggregated_metrics or {}
    loads = reported.get(LOAD, {})
    wanted = sum(loads.values()) / BUSY
    if rooms := reported.get(ROOM):
        wanted = min(wanted, max(rooms.values()))
    if len(loads) < context.current_num_replicas:
        wanted = max(wanted, context.target_num_replicas)
    return max(1.0, wanted), {}


def room(threads: int, cores: int, *, one_machine: bool) -> float:
    """Replicas that decode ``threads`` at once each and that a cluster can feed; other than this machine, it
    may grow."""
    return float(max(1, cores // threads)) if one_machine else ENDLESS
