"""The docs say what the code does: tables are made from it, and nothing public is left out."""

from pathlib import Path

import pytest
from starlette.routing import Route

from serve_app import ROOT, reference
from serve_app.reference import pages, renewed
from tests.deployments.ingress_door import Door


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_tables_are_up_to_date(page: Path) -> None:
    assert page.read_text() == renewed(page.read_text()), "run `make docs`"


def test_every_table_stands_somewhere() -> None:
    used = {match[2] for page in pages() for match in reference.BLOCK.finditer(page.read_text())}
    assert used == set(reference.TABLES)


def test_every_endpoint_is_documented() -> None:
    text = (ROOT / "docs" / "protocol.md").read_text()
    for route in Door().ingress.__serve_build_asgi_app__().routes:
        assert isinstance(route, Route)
        methods = (route.methods or set()) - {"HEAD"}
        path = route.path.rstrip("/") or "/"
        assert all(f"`{method} {path}`" in text for method in methods), route.path
