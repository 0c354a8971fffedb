"""Whether every node of a cluster has the same code, asked before an application is built for them.

Replicas send each other pickled objects, whose classes each node takes from its own files.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from serve_app import ROOT
from values.cores import ONE_MACHINE
from values.errors import ModelError

logger = logging.getLogger("ray.serve")

PACKAGES = (
    *("concurrency", "deployments", "embeddings", "exports", "finders", "imaging", "label_studio", "net"),
    *("pages", "protocol", "segmenters", "serve_app", "stores", "values"),
)
"""What replicas import."""

ANSWER_S = 60.0
"""For so long a node may take to start the worker that reads its files."""

OTHER = "no such code"
"""In place of a digest: what is there cannot even be asked."""


def check_nodes() -> None:
    """Raise ModelError where a node of this process's cluster has other code than this one.

    A node that does not answer is left to Ray, which notices whether it is there at all.
    """
    if os.environ.get(ONE_MACHINE) or not ray.is_initialized():
        return
    here = ray.get_runtime_context().get_node_id()
    nodes = {each["NodeID"]: each["NodeManagerAddress"] for each in ray.nodes() if each["Alive"]}
    others = {node: at for node, at in nodes.items() if node != here}
    sentence = differing(nodes.get(here, "this node"), digest(), _asked(others))
    if sentence:
        raise ModelError(sentence)


def differing(here: str, own: str, others: Mapping[str, str]) -> str:
    """A sentence about the nodes whose code is not that of ``here``; empty without any.

    ``others``: digests by the addresses of nodes.
    """
    different = sorted(at for at, found in others.items() if found != own)
    if not different:
        return ""
    return (
        f"The nodes have different versions of this application: {', '.join(different)} not that of {here}, "
        "where it is built. Give all of them the same (the image on Kubernetes, the folder in PYTHONPATH "
        "elsewhere) and deploy again. What runs goes on meanwhile."
    )


def digest(root: Path = ROOT) -> str:
    """The digest of all modules that replicas import."""
    found = hashlib.sha256()
    for package in PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            content = file.read_bytes()
            found.update(f"{file.relative_to(root).as_posix()} {len(content)} ".encode() + content)
    return found.hexdigest()


def _asked(nodes: Mapping[str, str]) -> dict[str, str]:
    """The digests of nodes by their addresses, of those that answer."""
    remote = ray.remote(num_cpus=0, max_retries=0)(digest)
    asked: dict[Any, str] = {}
    for node, at in nodes.items():
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        asked[remote.options(scheduling_strategy=there).remote()] = at
    answered, silent = ray.wait(list(asked), num_returns=len(asked), timeout=ANSWER_S) if asked else ([], [])
    digests = {}
    for reference in answered:
        try:
            digests[asked[reference]] = str(ray.get(reference))
        except RayTaskError:  # it cannot be imported there
            digests[asked[reference]] = OTHER
        except ray.exceptions.RayError:
            silent.append(reference)
    if silent:
        named = ", ".join(sorted(asked[reference] for reference in silent))
        logger.warning("which code these nodes have is not known: %s", named)
    return digests
