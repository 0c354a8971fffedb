"""An ingress for each test of one of its parts."""

from collections.abc import AsyncIterator

import pytest

from tests.deployments.ingress_door import Door


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    async with door.client:
        yield door
