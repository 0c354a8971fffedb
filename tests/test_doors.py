"""Who may open a socket and who may open a file, read from the source itself.

Every limit on where images may come from holds only as long as one module sends and one module opens. A new
door is either a mistake or a decision: a decision is written down here, with its reason.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = (
    *("concurrency", "deployments", "embeddings", "exports", "finders", "imaging", "label_studio", "net"),
    *("pages", "protocol", "segmenters", "serve_app", "stores", "values"),
)

MAY_SEND = {
    "embeddings/durable.py": "keeps embeddings in the folder or bucket that an operator named",
    "embeddings/durable_listing.py": "the list of a folder or bucket that an operator named",
    "embeddings/durable_location.py": "opens that folder or bucket",
    "embeddings/retention.py": "lists it and removes what is out of its bounds",
    "embeddings/sweep_schedule.py": "reads and writes the time of the last sweep there",
    "embeddings/sweeper.py": "opens it when a sweep is due",
    "embeddings/sweeper_lease.py": "reads and writes there who sweeps it",
    "net/file_client.py": "asks publishers and mirrors for checkpoints, whose addresses an operator named",
    "net/transport.py": "speaks HTTP for images, through the sockets of net/sockets.py",
    "net/resolver.py": "looks up the names of images' hosts, whose addresses net/sockets.py checks",
    "net/sockets.py": "the one place that opens sockets for images, to checked addresses only",
    "net/sync_client.py": "speaks HTTP for commands, with Label Studio and the application an operator named",
    "net/trust.py": "reads the authorities that those clients trust; opens nothing",
    "stores/clients.py": "reads cloud stores that an operator named, by their own client library",
    "stores/connect.py": "makes those clients, from each cloud's own variables",
    "serve_app/cli/doctor/checks.py": "doctor asks the parts of a running installation",
    "serve_app/cli/doctor/open_ports.py": "doctor asks Ray's ports of this machine, without a token",
    "serve_app/cli/doctor/ray_redis.py": "doctor asks the Redis that an operator named",
    "serve_app/cli/serve/readiness.py": "watches the application that `serve` started, on loopback",
    "serve_app/cli/serve/address.py": "looks up the name of this machine that HOST may be",
    "serve_app/cli/serve/shutdown.py": "asks HAProxy on its own socket what is under way",
    "serve_app/haproxy/process.py": "sees whether HAProxy listens at its own socket",
    "serve_app/cli/serve/ports.py": "holds the ports of an instance until it listens there",
}
MAY_OPEN_FOR_IMAGES = {
    "imaging/files.py": "the one place that opens files that a task names",
    "imaging/decoding_processes/forks.py": "an empty file without a name, for a lock between processes",
}

_CLIENTS = """
    aiobotocore aiohttp azure boto3 botocore fsspec ftplib gcsfs google.cloud grpc hf_xet
    http.client http.server httpcore httplib2 httpx huggingface_hub imaplib
    multiprocessing.connection multiprocessing.managers nntplib obstore paramiko poplib pycurl redis
    requests s3fs smart_open smtplib socket socketserver telnetlib torch.hub urllib.request urllib3
    websocket websockets wget xmlrpc
"""
NETWORK: dict[str, frozenset[str]] = dict.fromkeys(_CLIENTS.split(), frozenset()) | {
    # module -> what in it is harmless; of the others even the import is a door
    "httpx": frozenset({"URL", "InvalidURL"}),
    "httpcore": frozenset({"NetworkError", "RemoteProtocolError"}),
    "multiprocessing.connection": frozenset({"Connection", "wait"}),
    # Pairs lead to a process of one's own and nowhere else.
    "socket": frozenset({"recv_fds", "send_fds", "socketpair"}),
}
_CALLS = """
    connect_tcp create_connection create_datagram_endpoint create_server create_unix_connection
    create_unix_server getaddrinfo gethostbyname hf_hub_download load_state_dict_from_url
    open_connection open_unix_connection snapshot_download sock_connect start_server
    start_unix_server urlopen urlretrieve
"""
NETWORK_CALLS = frozenset(_CALLS.split())
_OPENING = """
    NamedTemporaryFile TemporaryDirectory TemporaryFile fdopen fromfile glob imread iterdir listdir
    load_file memmap mkdtemp mkstemp mmap open open_code read_bytes read_text rglob scandir tofile
    write_bytes write_text
"""
FILE_CALLS = frozenset(_OPENING.split())


def _sources() -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for name in FOLDERS for path in (ROOT / name).rglob("*.py"))


def _tree(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(encoding="utf-8"), source)


def _network_module(dotted: str) -> str | None:
    """The entry of NETWORK that a module is, or is in."""
    parts = dotted.split(".")
    heads = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((head for head in heads if head in NETWORK), None)


def network_doors(tree: ast.Module) -> Iterator[str]:
    """What in a module can send or listen, one text each."""
    whole: dict[str, str] = {}  # name a module is bound to -> the module, where parts of it are harmless
    for node in ast.walk(tree):
        for dotted, name in _imported(node):
            module = _network_module(dotted)
            if module is None:
                continue
            part = dotted[len(module) + 1 :].split(".")[0]
            if not part and NETWORK[module]:
                whole[name] = module
            elif part not in NETWORK[module]:
                yield dotted
        if isinstance(node, ast.Attribute | ast.Name) and _called(node) in NETWORK_CALLS:
            yield _called(node)
    harmless = _harmless(tree, whole)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id in whole and id(node) not in harmless:
            yield whole[node.id]


def _harmless(tree: ast.Module, whole: dict[str, str]) -> set[int]:
    """The uses of such modules' names that open nothing: ``httpx`` in ``httpx.URL``."""
    made = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and not any(keyword.arg == "fileno" for keyword in node.keywords)
    }
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in whole:
            module = whole[node.value.id]
            # A constant, or as a type, or around a descriptor that came from somewhere else.
            typed = (module, node.attr) == ("socket", "socket") and id(node) not in made
            if typed or node.attr.isupper() or node.attr in NETWORK[module]:
                found.add(id(node.value))
    return found


def _imported(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(what is imported, dotted; the name it is bound to) of an import, also of one by its name as text."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, alias.asname or alias.name.split(".")[0]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        for alias in node.names:
            yield f"{node.module}.{alias.name}", alias.asname or alias.name
    elif isinstance(node, ast.Call) and _called(node.func) in {"import_module", "__import__"}:
        yield from ((f"{name.value!s}.*", "") for name in node.args[:1] if isinstance(name, ast.Constant))


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def file_doors(tree: ast.Module) -> Iterator[str]:
    """What in a module opens files or folders; Image.open of bytes in memory does not."""
    in_memory = {
        id(node.func)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == "Image.open"
        for file in [node.args[0].value if isinstance(node.args[0], ast.NamedExpr) else node.args[0]]
        if isinstance(file, ast.Call) and _called(file.func) in {"BytesIO", "FileBytes"}
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and _called(node) in FILE_CALLS:
            if id(node) not in in_memory:
                yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.name in FILE_CALLS)


@pytest.mark.slow
def test_no_other_module_opens_sockets() -> None:
    doors = {source: list(network_doors(_tree(source))) for source in _sources() if source not in MAY_SEND}
    assert {source: found for source, found in doors.items() if found} == {}, "go through net/transport.py"


@pytest.mark.parametrize(
    "source",
    [one for one in _sources() if one.startswith("imaging/") and one not in MAY_OPEN_FOR_IMAGES],
)
def test_no_other_module_opens_files_for_images(source: str) -> None:
    assert list(file_doors(_tree(source))) == [], f"{source} may not open files: go through imaging/files.py"


@pytest.mark.parametrize("source", MAY_SEND)
def test_who_may_send_does(source: str) -> None:
    """A permission that nobody uses any more is taken back."""
    assert list(network_doors(_tree(source)))


@pytest.mark.parametrize("source", MAY_OPEN_FOR_IMAGES)
def test_who_may_open_does(source: str) -> None:
    assert list(file_doors(_tree(source)))


@pytest.mark.parametrize(
    "text",
    [
        "import requests",
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen as fetch",
        "import socket as plug\nplug.create_server(())",
        "from http.client import HTTPConnection",
        "import boto3.session",
        "from google.cloud import storage",
        "import httpx\nhttpx.get('http://h')",
        "import httpx as web\nclient = web.AsyncClient()",
        "import httpx\nsend = httpx\n",
        "from httpx import URL, Client",
        "def late():\n    import aiohttp",
        "import asyncio\nasync def f(): await asyncio.open_connection('h', 1)",
        "async def f(loop): await loop.create_connection(None, 'h', 1)",
        "from asyncio import start_server\nstart_server(None)",
        "import importlib\nimportlib.import_module('requests')",
        "import torch.hub",
        "from torch import hub",
        "from multiprocessing.connection import Client",
        "import socket\nsocket.socket()",
        "import socket\nsocket.create_connection(('h', 1))",
        "from socket import socket",
        "from obstore.store import S3Store",
    ],
)
def test_a_socket_door_is_seen(text: str) -> None:
    assert list(network_doors(ast.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        "import httpx\nurl: httpx.URL = httpx.URL('http://h')\ntry: ...\nexcept httpx.InvalidURL: ...",
        "from httpx import URL",
        "from urllib.parse import urlsplit",
        "import http\nhttp.HTTPStatus",
        "from net.transport import Net",
        "from . import requests",
        "from multiprocessing.connection import Connection",
        "import torch\nimport google",
        "import socket\nours, theirs = socket.socketpair()",
        "import socket\ndef f(peer: socket.socket) -> None: ...",
        "import socket\nsocket.socket(fileno=3)",
        "import socket\npeer.recv(1, socket.MSG_PEEK)",
    ],
)
def test_what_sends_nothing_is_no_socket_door(text: str) -> None:
    assert list(network_doors(ast.parse(text))) == []


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "import os\nos.open('x', 0)",
        "from os import fdopen",
        "from pathlib import Path\nPath('x').read_bytes()",
        "Path('x').open()",
        "Image.open(path)",
        "read = open",
        "tempfile.NamedTemporaryFile()",
    ],
)
def test_a_file_door_is_seen(text: str) -> None:
    assert list(file_doors(ast.parse(text)))


def test_bytes_in_memory_are_no_file_door() -> None:
    assert list(file_doors(ast.parse("with Image.open(io.BytesIO(data), formats=F) as image: ..."))) == []
    assert list(file_doors(ast.parse("with Image.open(file := FileBytes(data)) as image: ..."))) == []
    assert list(file_doors(ast.parse("with Image.open(file := path) as image: ..."))) == ["Image.open"]
