"""The application: its graph, its settings, and what a person types."""
