"""Label Studio in a real browser."""
