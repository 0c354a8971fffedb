"""What is between a connection and the ingress, and what it answers with."""
