"""The model that is served: for ``model: auto`` the one it took before, while that can still be served.

Another choice after a redeploy would void every embedding that is kept.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum

import ray
from ray.experimental import internal_kv

from segmenters import registry
from segmenters.auto_model import ChoiceFile, KeptChoice, cannot_serve
from segmenters.options import ModelOptions
from segmenters.registry import Choice
from values.cores import ONE_MACHINE

logger = logging.getLogger("ray.serve")

_NAMESPACE = b"segment-anything"


class Gpus(Enum):
    """What is known of a cluster's GPUs while the graph is built."""

    HERE = "a node has one"
    MAY_COME = "no node has one, but nodes may still be started or join"
    NONE = "the cluster is this machine, which has none"


def gpus() -> Gpus:
    """What is known of the cluster of this process; without a cluster, GPUs may still come."""
    if not ray.is_initialized():
        return Gpus.MAY_COME
    if ray.cluster_resources().get("GPU", 0) > 0:
        return Gpus.HERE
    return Gpus.NONE if os.environ.get(ONE_MACHINE) else Gpus.MAY_COME


class ChoiceMemory:
    """Keeps a choice in a file in ``MODEL_DIR``, which outlives the cluster.

    Other nodes may not see that file, and it may not be writable: then the choice is in the cluster's own
    key-value store too, which is read first.
    """

    def __init__(self, options: ModelOptions) -> None:
        self._file = ChoiceFile(options)
        self._key = f"auto:{self._file.path}".encode()

    def read(self) -> KeptChoice | None:
        """What was chosen, if anything was."""
        said = internal_kv._internal_kv_get(self._key, namespace=_NAMESPACE) if ray.is_initialized() else None
        return (KeptChoice.from_json(said) if said else None) or self._file.read()

    def write(self, kept: KeptChoice) -> str:
        """Keep it; a clause that says where."""
        where = f"kept in {self._file.path}"
        try:
            self._file.write(kept)
        except OSError as error:
            why = error.strerror or type(error).__name__
            where = f"kept as long as this Ray cluster lives, for {self._file.path} cannot be written ({why})"
        else:
            if os.environ.get(ONE_MACHINE):
                return where
        if ray.is_initialized():
            internal_kv._internal_kv_put(self._key, kept.to_json().encode(), namespace=_NAMESPACE)
        return where


def resolve_choice(options: ModelOptions, found: Gpus) -> Choice:
    """The model that the settings ask for; for ``auto`` the one it took before, if it can still be served.

    Raises ModelError as ``segmenters.registry.choose`` does.
    """
    asked = "cuda" in (options.device.partition(":")[0], options.decoder_device.partition(":")[0])
    gpu = found is Gpus.HERE or (asked and found is Gpus.MAY_COME)
    if not registry.is_automatic(options):
        return _warned(registry.choose(options, gpu=gpu), found)
    memory = ChoiceMemory(options)
    kept = memory.read()
    if kept is not None:
        why_not = _why_not(kept, options, found)
        if why_not is None:
            named = options.model_copy(update={"model": kept.model})
            choice = registry.choose(named, gpu=gpu or (kept.gpu and options.device == "auto"))
            return _warned(replace(choice, reason=_kept_reason(kept, gpu=gpu)), found)
        logger.warning("auto chose %s before and chooses again: %s", kept.model, why_not)
    choice = registry.choose(options, gpu=gpu)
    if choice.automatic and not choice.fallback:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        where = memory.write(KeptChoice(choice.segmenter.name, choice.gpu, choice.reason, at))
        choice = replace(choice, reason=f"{choice.reason}; {where}")
    return _warned(choice, found)


def _why_not(kept: KeptChoice, options: ModelOptions, found: Gpus) -> str | None:
    """Why what was kept cannot be served here, as a clause; None if it can."""
    if kept.gpu and (found is Gpus.NONE or options.device == "cpu"):
        return "it was chosen for a GPU, and there is none"
    return cannot_serve(kept.model, options)


def _kept_reason(kept: KeptChoice, *, gpu: bool) -> str:
    better = " (made without a GPU, which is here now)" if gpu and not kept.gpu else ""
    return (
        f"auto keeps {kept.model}, its choice of {kept.at}{better}; `python -m serve_app models forget` "
        "lets it choose again; another model cannot use the embeddings of this one"
    )


def _warned(choice: Choice, found: Gpus) -> Choice:
    if choice.gpu and found is not Gpus.HERE:
        logger.warning(
            "no node has a GPU yet: the encoder waits until one is started or joins; see `ray status`"
        )
    return choice
