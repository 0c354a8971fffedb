"""Annotators of a running application, their clicks, and what may happen to it meanwhile."""
