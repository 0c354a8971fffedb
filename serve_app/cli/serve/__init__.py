"""`python -m serve_app serve`: Ray and the application on this machine, until Ctrl-C."""
