"""`python -m serve_app review`: what of a project's annotations somebody should look at again."""
