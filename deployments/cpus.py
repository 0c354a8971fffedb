"""How many threads a replica's computations may use."""

from __future__ import annotations

import ray

from values.cores import usable_cores

_MOST = 4  # threads that a replica without whole CPUs takes: beyond, encoders gain little from each


def threads_each(computations: int) -> int:
    """Threads for each of ``computations`` that run at once in this replica, at least 1.

    They follow the CPUs that Ray gave it. A share below one CPU is not that, but a way to fit the graph onto
    a small machine where it is alone: then the machine's cores count, up to four.
    """
    given = ray.get_runtime_context().get_assigned_resources().get("CPU", 0)
    cpus = int(given) if given >= 1 else min(_MOST, usable_cores())
    return max(1, cpus // computations)
