"""The ingress that serves the pages, with the deployments behind it faked."""

from tests.deployments.conftest import door

__all__ = ["door"]
