"""HAProxy in front of the application."""
