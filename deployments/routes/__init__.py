"""What the ingress answers: a file for each route that a client posts to, and one for those it asks."""
