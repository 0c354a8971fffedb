"""Object stores: buckets, their clouds and clients, for images and for embeddings."""
