"""What each of Ray's workers imports as it starts (``RAY_preload_python_modules``), behind all that serves.

A replica is a worker that has imported Ray Serve and a deployment, most of what its start takes. Done by the
worker's own thread that would cost the clicks of a busy machine as much time as the imports take, times the
replicas that start. Of the deployments it is the ingress, which every other one shares most with and which
has none of the libraries that only models need.

The garbage collector would look at all of it again and again while it comes, a fifth of the time, and later
whenever a click fills a generation. What is imported stays: so it is told to leave that out.
"""

from __future__ import annotations

import gc
import importlib

from deployments.compute_threads import STARTING, behind_loops

MODULES = ("ray.serve", "deployments.ingress")


def _preload() -> None:
    gc.disable()
    for name in MODULES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    gc.enable()


with behind_loops(1, "preload", STARTING) as thread:
    thread.submit(_preload).result()
