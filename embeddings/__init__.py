"""Embeddings kept: their identity, in memory by bytes, across restarts, and one computation for all who wait."""
