"""Which GPUs the encoder may count on, before there is an encoder."""

from __future__ import annotations

import os
from enum import Enum

from values.cores import ONE_MACHINE


class Gpus(Enum):
    """What is known of a cluster's GPUs while the graph is built."""

    HERE = "a node has one"
    MAY_COME = "no node has one, but nodes may still be started or join"
    NONE = "the cluster is this machine, which has none"


def gpus() -> Gpus:
    """Of the cluster that this process belongs to; without one nothing is known, so they may come."""
    import ray  # which reads its environment then: `serve` sets that first, with the name above

    if not ray.is_initialized():
        return Gpus.MAY_COME
    if ray.cluster_resources().get("GPU", 0) > 0:
        return Gpus.HERE
    return Gpus.NONE if os.environ.get(ONE_MACHINE) else Gpus.MAY_COME
