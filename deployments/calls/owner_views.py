"""What the routers of this process know of who owns which image, for those who want to ask an earlier owner.

A module of its own: Serve copies that of the router into every process that routes, with all that is in it.
"""

from __future__ import annotations

from collections import defaultdict

from embeddings.ownership import OwnershipHistory

_VIEWS: defaultdict[tuple[str, str], OwnershipHistory] = defaultdict(OwnershipHistory)


def view(application: str, deployment: str) -> OwnershipHistory:
    """The owners among the replicas of a deployment, as told to this process; nobody until a handle to the
    deployment is used."""
    return _VIEWS[application, deployment]
