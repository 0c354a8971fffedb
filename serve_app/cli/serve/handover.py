"""Where embeddings lie while an instance runs, for the decoder that takes another one's place.

In memory alone they are gone with the process that kept them: each image of a decoder that died, or that a
changed setting replaced, would be encoded again while somebody waits.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embeddings.options import DurableOptions

ROOM = 2
"""The disk has to have so many times the room that the embeddings may take."""

_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_NAMES = ("durable", "handover")


def variables(
    config: Mapping[str, Any], given: Mapping[str, str], scratch: Path, mounts: str | None = None
) -> dict[str, str]:
    """The setting that names a folder in ``scratch``; none where one is set, or there is no room on a disk.

    ``config``: the Serve config, ``given``: the environment, ``mounts``: what the system says of its file
    systems, as /proc/mounts has it.
    """
    args = [application.get("args") or {} for application in config["applications"]]
    places = [each for each in (*args, {name.lower(): value for name, value in given.items()}) if each]
    if any(isinstance(place, Mapping) and place.get(name) for place in places for name in _NAMES):
        return {}
    room = DurableOptions().handover_gib * 2**30 * ROOM
    if _is_in_memory(scratch, mounts) or shutil.disk_usage(scratch).free < room:
        return {}
    return {"HANDOVER": str(scratch / "embeddings")}


def _is_in_memory(folder: Path, mounts: str | None) -> bool:
    """Whether the folder's file system is; as far as the system tells, so not on macOS."""
    table = Path("/proc/mounts")
    if mounts is None:
        mounts = table.read_text() if table.exists() else ""
    kinds = {Path(line.split()[1]): line.split()[2] for line in mounts.splitlines()}
    nearest = next((each for each in (folder, *folder.parents) if each in kinds), None)
    return nearest is not None and kinds[nearest] in _IN_MEMORY
