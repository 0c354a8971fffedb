"""HAProxy in front of the application."""

from __future__ import annotations

from pathlib import Path

SCRIPT = Path(__file__).with_name("haproxy.sh")
"""What Ray starts as HAProxy."""
