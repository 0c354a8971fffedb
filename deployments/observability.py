"""What every replica does so that it can be watched: its log, and for which request it works."""

from __future__ import annotations

from deployments.json_log import log_json_where_asked
from deployments.replica_log import warn_at_once
from deployments.request_context import follow_requests


def observe() -> None:
    """Call this first in a deployment; docs/monitoring.md says what can be seen then."""
    warn_at_once()
    log_json_where_asked()
    follow_requests()
