"""`python -m serve_app preannotate`: masks for a whole project, before anybody clicks."""
