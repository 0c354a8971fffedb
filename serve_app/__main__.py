"""`python -m serve_app`: what a person types."""

from serve_app.cli.main import app

app()
