"""Generated pictures of things that are hard to tell from their ground, by what makes them hard."""
