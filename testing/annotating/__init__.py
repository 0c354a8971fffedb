"""Annotators of a running application, their clicks, and processes that may die meanwhile."""
