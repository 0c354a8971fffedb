"""The one place that opens sockets: addresses that are checked, names, limits, one request at a time."""
