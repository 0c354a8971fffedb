"""What the ML-backend framework keeps between requests: strings by project and key, in an SQLite file."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path


class KeyValues:
    """Values are read through memory, and every write forgets all that was read. One lock for all threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read: dict[tuple[str, str], str | None] = {}
        self._run(
            "CREATE TABLE IF NOT EXISTS cache "
            "(project TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (project, key))"
        )

    def get(self, project: str, key: str) -> str | None:
        """The value, or None."""
        if (project, key) not in self._read:
            rows = self._run("SELECT value FROM cache WHERE project = ? AND key = ?", project, key)
            self._read[project, key] = rows[0][0] if rows else None
            return rows[0][0] if rows else None
        return self._read.get((project, key))

    def set(self, project: str, key: str, value: str) -> None:
        """Write the value to disk."""
        self._run("REPLACE INTO cache VALUES (?, ?, ?)", project, key, value)
        self._read.clear()

    def _run(self, statement: str, *values: str) -> list[tuple[str]]:
        # A connection each time and a commit at its end, as the framework does.
        with self._lock, sqlite3.connect(self._path) as connection:
            rows: list[tuple[str]] = connection.execute(statement, values).fetchall()
        connection.close()
        return rows
