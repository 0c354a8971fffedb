"""Label Studio's ML-backend protocol as pure functions: bodies in, regions out."""
