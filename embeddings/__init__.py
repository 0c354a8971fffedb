"""Embeddings kept: in memory by bytes, across restarts, and one computation for all who wait."""
