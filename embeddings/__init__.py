"""Embeddings kept: their identity, the byte-bounded memory tier, and one computation for all who wait."""
