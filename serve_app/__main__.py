"""``python -m serve_app`` runs the command line."""

import sys

if __name__ == "__main__":
    try:
        from serve_app.cli.main import app

        app()
    except KeyboardInterrupt:  # while modules are imported; commands have their own end
        sys.exit(130)
