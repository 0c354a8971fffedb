"""Requests that nobody would send, to the ingress: what it answers, how long it takes, what it needs."""
