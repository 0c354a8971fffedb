"""``python -m serve_app`` runs the command line."""

import sys

if __name__ == "__main__":
    try:
        if sys.argv[1:2] == ["serve"]:
            from serve_app.cli.serve.alone import app
        else:
            from serve_app.cli.main import app

        app()
    except KeyboardInterrupt:  # while modules are imported; commands have their own end
        sys.exit(130)
