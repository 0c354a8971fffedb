"""`python -m serve_app export`."""
