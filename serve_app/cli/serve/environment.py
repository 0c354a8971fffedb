"""The variables that Ray, Serve and HAProxy read, as `serve` sets them before Ray is imported."""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from embeddings.options import DurableOptions
from serve_app import ROOT
from serve_app.haproxy import SCRIPT
from serve_app.haproxy.config import LISTENS_AT
from serve_app.preflight import COLLECTORS
from serve_app.settings import SYNONYMS, Settings
from values.cores import ONE_MACHINE

TOKEN_FILE = "ray-token"  # noqa: S105 - a name
"""In an instance's folder: the token of its Ray."""

# With these a click notices neither a dead ingress replica nor a dead proxy. The image and the nodes of a
# cluster have the same. docs/reliability.md says what each costs.
SURVIVING = {
    # HAProxy sends a request that a dying replica has begun to another one, since every request of ours may
    # run twice. It needs the whole request for that, so its buffers hold all but the largest.
    "RAY_SERVE_HAPROXY_RETRY_ON": "conn-failure empty-response",
    "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": "131072",
    # HAProxy tries what a dead replica refuses elsewhere at once. Ray's defaults make it wait a second first:
    # it does so when it balances by least connections, and with the request for which it marks the replica
    # down. Label Studio gives /health no longer than that second. HAProxy's own checks go on.
    "RAY_SERVE_HAPROXY_BALANCE_ALGORITHM": "random",
    "RAY_SERVE_HAPROXY_OBSERVE_MARK_DOWN_ENABLED": "0",
    # A proxy that fails three checks in a row is started anew.
    "RAY_SERVE_PROXY_HEALTH_CHECK_PERIOD_S": "1",
    # Its start may take three times as long; with Ray's 5 s it is given up on a busy machine, starts from the
    # beginning and takes as long again. One that dies is seen at once.
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "20",
}

SERVING = {
    # What refuses clicks that would wait too long is in front of Serve's own servers.
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "deployments.http.middleware:in_front",
    # Behind HAProxy replicas may send each other 4 MiB otherwise.
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": "268435456",
}
"""What replicas and proxies read. No config has a ``runtime_env`` with it: a worker that has one imports Ray
twice, and never is one that has started already."""

OTLP = "deployments.tracing:otlp"

# The disk has to have so many times the room that the embeddings may take.
_ROOM = 2
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_NAMES = ("durable", "handover")


def ray_variables(
    scratch: Path, *, haproxy: bool, ports: Mapping[str, int], listens_at: str = "127.0.0.1"
) -> dict[str, str]:
    """What Ray is told, with HAProxy's files in ``scratch`` and on ``ports``, each by its variable.

    ``listens_at``: the address of HAProxy, as it reads it; Serve's own servers are on loopback behind it.
    """
    chosen = {
        # Whoever has no token is refused by every part of Ray, which otherwise runs any code that it is sent.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(scratch / TOKEN_FILE),
        # Ray takes the address that other machines reach this one by, and listens on all. Here there are no
        # others: with this it takes 127.0.0.1, and of its ports only those between replicas are open, which
        # ask for the token.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        ONE_MACHINE: "1",
        # Not Ray's 15: anything else on the machine would get 28 times the share of a click, and behind it
        # there would be no room for deployments/compute_threads.py.
        "RAY_worker_niceness": "5",
        "RAY_preload_python_modules": "deployments.preloaded",
        # Here a proxy drains when the whole application stops; there is no load balancer to wait for.
        "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "0.1",
        **SERVING,
    }
    if haproxy:
        chosen |= {
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            **SURVIVING,
            # HAProxy that outlives its manager, and the Python that sees to that.
            "RAY_SERVE_HAPROXY_BINARY_PATH": str(SCRIPT),
            "HAPROXY_PYTHON": sys.executable,
            LISTENS_AT: listens_at,
            "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(scratch / "haproxy.cfg"),
            "RAY_SERVE_HAPROXY_SOCKET_PATH": str(scratch / "admin.sock"),
            "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(scratch),
            "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(scratch / "server-state"),
            "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(scratch / "metrics.sock"),
            # Ctrl-C on one machine has no load balancer to wait for.
            "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "1",
            **{name: str(port) for name, port in ports.items()},
        }
    return chosen


def tracing_variables(given: Mapping[str, str]) -> dict[str, str]:
    """What makes Serve send spans of every request to the collector that ``given`` names, if it does."""
    if not any(map(given.get, COLLECTORS)):
        return {}
    return {
        "RAY_SERVE_TRACING_EXPORTER_IMPORT_PATH": OTLP,
        # Not Ray's hundredth: who names a collector on one machine looks for a certain request.
        "RAY_SERVE_TRACING_SAMPLING_RATIO": "1",
        "OTEL_SERVICE_NAME": "segment-anything",
    }


def write_token(file: Path) -> None:
    """A new random token for Ray, in a file that only this user can read."""
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32))


def handover_variables(
    config: Mapping[str, Any], given: Mapping[str, str], scratch: Path, mounts: str | None = None
) -> dict[str, str]:
    """The setting that names a folder in ``scratch`` where a decoder finds what the one before it had.

    In memory alone embeddings are gone with their process: each image of a decoder that died, or that a
    changed setting replaced, would be encoded again while somebody waits. Nothing is returned where a folder
    is set already, or no disk has room for one.

    ``config``: the Serve config, ``given``: the environment, ``mounts``: what the system says of its file
    systems, as /proc/mounts has it.
    """
    args = [application.get("args") or {} for application in config["applications"]]
    set_in = [*args, {name.lower(): value for name, value in given.items()}]
    if any(isinstance(each, Mapping) and each.get(name) for each in set_in for name in _NAMES):
        return {}
    room = DurableOptions().handover_gib * 2**30 * _ROOM
    if _is_in_memory(scratch, mounts) or shutil.disk_usage(scratch).free < room:
        return {}
    return {"HANDOVER": str(scratch / "embeddings")}


def with_whole_paths(config: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """The variables of ``given`` that name files by relative paths, with whole ones; those in the ``args`` of
    ``config`` are made whole in place.

    They are relative to where `serve` was started. What Ray starts is elsewhere (``prepare``).
    """
    fields = {name: field for name, field in Settings.model_fields.items() if _is_path(field.annotation)}
    for application in config["applications"]:
        args = application.get("args")
        for name in (set(args) & set(fields)) if isinstance(args, dict) else ():
            args[name] = _whole(args[name])
    variables = {each.upper() for name in fields for each in (name, *SYNONYMS.get(name, ()))}
    return {name: _whole(given[name]) for name in sorted(variables) if given.get(name)}


def prepare(chosen: Mapping[str, str]) -> None:
    """Put ``chosen`` into the environment, and this application where Ray's workers find it.

    What the operator has set stays, but for the address of another Ray cluster: this starts its own. They
    look for modules in the folder of who starts them, which may be anybody's, with modules by the same names.
    """
    os.environ.pop("RAY_ADDRESS", None)
    for name, value in chosen.items():
        os.environ.setdefault(name, value)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))


def _is_path(annotation: Any) -> bool:
    return Path in (annotation, *get_args(annotation))


def _whole(path: Any) -> Any:
    is_relative = isinstance(path, str) and path.strip() and not path.startswith(("/", "~"))
    return str(Path(path).absolute()) if is_relative else path


def _is_in_memory(folder: Path, mounts: str | None) -> bool:
    """Whether the folder's file system is; as far as the system tells, so not on macOS."""
    table = Path("/proc/mounts")
    if mounts is None:
        mounts = table.read_text() if table.exists() else ""
    kinds = {Path(line.split()[1]): line.split()[2] for line in mounts.splitlines()}
    nearest = next((each for each in (folder, *folder.parents) if each in kinds), None)
    return nearest is not None and kinds[nearest] in _IN_MEMORY
