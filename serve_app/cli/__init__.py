"""The commands of `python -m serve_app`, one file each."""
