"""`python -m serve_app connect`: a Label Studio project that uses this backend."""
