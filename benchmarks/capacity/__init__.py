"""How long clicks take with so many annotators: simulated, and checked against the running application."""
