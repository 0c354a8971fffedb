"""What each of Ray's workers imports as it starts (``RAY_preload_python_modules``), behind all that serves.

A replica is a worker that has imported Ray Serve, a good half of what its start takes. Done by the worker's
own thread that would cost the clicks of a busy machine as much time as the imports take, times the replicas
that start.
"""

from __future__ import annotations

import importlib

from deployments.compute_threads import STARTING, behind_loops

with behind_loops(1, "preload", STARTING) as thread:
    thread.submit(importlib.import_module, "ray.serve").result()
