"""The command `serve`: its flags, and what is checked and decided before Ray starts."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import yaml

from serve_app import ROOT, preflight
from serve_app.cli.serve import address, folders, serve_config
from serve_app.cli.serve.endpoints import LOOPBACK, Endpoints, EndpointsRefused, Requested
from serve_app.cli.serve.environment import (
    TOKEN_FILE,
    handover_variables,
    prepare,
    ray_variables,
    tracing_variables,
    with_whole_paths,
    write_token,
)
from serve_app.cli.serve.instance import CONFIG, Instance
from serve_app.cli.serve.ports import HIGHEST, Ports
from serve_app.cli.serve.shutdown import STOP_S
from serve_app.cli.serve.supervisor import supervise
from serve_app.settings import Settings
from values.dashboard import DASHBOARD

ASK_S = 3.0
"""Seconds that Label Studio may take for each of two answers. One on a busy machine needs more than one; a
start, which takes some 20, must not wait long for one that is away."""


def serve(
    config: Annotated[Path, typer.Option(help="The Serve config to run.")] = ROOT / "configs" / "serve.yaml",
    host: Annotated[
        str | None, typer.Option(envvar="HOST", help="Address to listen on; default: the config's.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(envvar="PORT", min=1, max=HIGHEST, help="Port to listen on; default: the config's."),
    ] = None,
    dashboard_port: Annotated[
        int,
        typer.Option(
            min=1, max=HIGHEST, help="Port of the Ray dashboard, on loopback; the next free one if taken."
        ),
    ] = 8265,
    metrics_port: Annotated[
        int,
        typer.Option(
            min=1,
            max=HIGHEST,
            help="Port at which Prometheus finds all metrics, on loopback; the next free one if taken.",
        ),
    ] = 9102,
    temp_dir: Annotated[
        Path | None, typer.Option(help="Where Ray keeps its logs and sockets; default: this user's own.")
    ] = None,
    haproxy: Annotated[
        bool | None,
        typer.Option(help="Put HAProxy in front (the faster way); default: where its binary exists."),
    ] = None,
) -> None:
    """Start Ray and the application on this machine, and stop both on Ctrl-C.

    What is being answered then is answered, for up to 5 seconds; after 10 seconds nothing is left.
    """
    with Ports() as ports:
        try:
            content = serve_config.read(config)
            settings = serve_config.settings(content)
            cautions = _checked(settings, content["applications"])
            chosen = folders.choose(os.environ, temp_dir)
            http = content["http_options"]
            listens, at = host or http.get("host"), port or http.get("port")
            asked = Requested(listens, at, dashboard_port, haproxy, metrics_port)
            endpoints = Endpoints.find(asked, ports)
        except (
            serve_config.ConfigRefused,
            folders.FolderRefused,
            address.NoAddress,
            EndpointsRefused,
        ) as error:
            _refuse(str(error))
        http |= {"host": endpoints.serve_host, "port": endpoints.port}
        with tempfile.TemporaryDirectory(prefix="serve_app_", dir=chosen.scratch) as folder:
            scratch = Path(folder)
            write_token(scratch / TOKEN_FILE)
            chosen_here = ray_variables(
                scratch,
                haproxy=endpoints.haproxy,
                ports=endpoints.haproxy_ports,
                listens_at=endpoints.haproxy_host,
            )
            chosen_here |= {DASHBOARD: f"http://{LOOPBACK}:{endpoints.dashboard_port}/"}
            chosen_here |= tracing_variables(os.environ)
            if any(each.log_format == "json" for each in settings):
                # Lines that differ in numbers only are not the same line.
                chosen_here |= {"RAY_DEDUP_LOGS": "0"}
            os.environ.update(with_whole_paths(content, os.environ))
            prepare(chosen_here | handover_variables(content, os.environ, scratch))
            if chosen.temporary:
                os.environ["TMPDIR"] = str(chosen.temporary)
            (scratch / CONFIG).write_text(yaml.safe_dump(content, sort_keys=False))
            Instance(
                origin=endpoints.origin,
                prefixes=serve_config.prefixes(content),
                dashboard_port=endpoints.dashboard_port,
                link_port=endpoints.link_port,
                metrics_port=endpoints.metrics_port,
                ports=endpoints.all_ports,
                notes=tuple(filter(None, (chosen.said, *endpoints.notes))),
                warnings=(
                    *serve_config.security_warnings(settings, endpoints.address, os.environ),
                    *cautions,
                ),
                ray_folder=str(chosen.ray),
                config=str(config.absolute()),
            ).write(scratch)
            command = [sys.executable, "-m", "serve_app.cli.serve.ray_process", folder]
            raise SystemExit(supervise(command, STOP_S))


def _checked(applications: Sequence[Settings], listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """What Label Studio keeps from working now, which may pass. Raises ConfigRefused for what does not."""
    wrong = [
        *preflight.wrong_names(os.environ),
        *preflight.wrong_models(applications, os.environ),
        *preflight.wrong_gpus(listed, os.environ),
        *preflight.wrong_labels(listed, os.environ),
        *preflight.wrong_tracing(os.environ),
    ]
    if wrong:
        raise serve_config.ConfigRefused("\n".join(wrong))
    # Each application has the environment's Label Studio, unless its config names another.
    sites = {settings.label_studio_url: settings for settings in applications}
    asked = [preflight.ask_label_studio(settings, ASK_S) for settings in sites.values()]
    refused = [each.sentence for each in asked if each and each.refused]
    if refused:
        raise serve_config.ConfigRefused("\n".join(refused))
    return [each.sentence for each in asked if each and not each.well]


def _refuse(sentences: str) -> NoReturn:
    typer.secho(sentences, fg="red", err=True)
    raise SystemExit(1)
