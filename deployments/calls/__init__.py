"""How one deployment calls another, and what travels with a call."""
