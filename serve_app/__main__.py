"""``python -m serve_app`` and the command ``serve_app`` run the command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run it, and end the process with its status."""
    try:
        from serve_app.cli.main import app

        app()
    except KeyboardInterrupt:  # while modules are imported; commands have their own end
        sys.exit(130)


if __name__ == "__main__":
    main()
