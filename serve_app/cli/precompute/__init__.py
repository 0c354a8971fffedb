"""`python -m serve_app precompute`: embeddings before anybody clicks."""
