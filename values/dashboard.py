"""Where Ray's dashboard is, as one instance of `serve` tells its replicas."""

DASHBOARD = "SERVE_APP_DASHBOARD"
"""A variable with its address. Ray tells its workers of port 8265, whichever one it has taken."""
