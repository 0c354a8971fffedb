"""Label Studio, and the backend's own pages, in a real browser."""
