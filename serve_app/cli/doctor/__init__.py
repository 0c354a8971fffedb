"""`python -m serve_app doctor`: what is wrong here."""
