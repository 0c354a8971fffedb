"""`python -m serve_app search`: the tasks of a project by what a detector saw in their images."""
