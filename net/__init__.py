"""The one place that opens sockets for images: checked addresses, name lookups, TLS, limits by host."""
