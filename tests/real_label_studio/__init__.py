"""The real Label Studio: installed apart, started on loopback, driven over its API."""
