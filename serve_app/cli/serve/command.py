"""The command itself: what it may be given, what is checked before Ray starts, and what is decided then."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer
import yaml

from serve_app.cli.serve import address, configs, exposure, folders, handover
from serve_app.cli.serve.apart import run_apart
from serve_app.cli.serve.dashboard_link import write_token
from serve_app.cli.serve.environment import ROOT, TOKEN_FILE, prepare, variables
from serve_app.cli.serve.places import Asked, Places, PlacesRefused
from serve_app.cli.serve.ports import HIGHEST, Ports
from serve_app.cli.serve.running import CONFIG, Instance
from serve_app.cli.serve.stopping import STOP_S


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
            serve_config = configs.read(config)
            settings = configs.settings(serve_config)
            chosen = folders.choose(os.environ, temp_dir)
            http = serve_config["http_options"]
            asked = Asked(host or http.get("host"), port or http.get("port"), dashboard_port, haproxy)
            places = Places.find(asked, ports)
        except (configs.ConfigRefused, folders.FolderRefused, address.NoAddress, PlacesRefused) as error:
            _refuse(str(error))
        http |= {"host": places.serve_host, "port": places.port}
        with tempfile.TemporaryDirectory(prefix="serve_app_", dir=chosen.scratch) as folder:
            scratch = Path(folder)
            write_token(scratch / TOKEN_FILE)
            chosen_here = variables(
                scratch,
                haproxy=places.haproxy,
                ports=places.haproxy_ports,
                listens_at=places.haproxy_host,
            )
            prepare(chosen_here | handover.variables(serve_config, os.environ, scratch))
            if chosen.temporary:
                os.environ["TMPDIR"] = str(chosen.temporary)
            (scratch / CONFIG).write_text(yaml.safe_dump(serve_config, sort_keys=False))
            Instance(
                origin=places.origin,
                prefixes=configs.prefixes(serve_config),
                dashboard_port=places.dashboard_port,
                link_port=places.link_port,
                ports=places.all_ports,
                notes=tuple(filter(None, (chosen.said, *places.notes))),
                warnings=tuple(exposure.warnings(settings, places.address, os.environ)),
                ray_folder=str(chosen.ray),
            ).write(scratch)
            command = [sys.executable, "-m", "serve_app.cli.serve.running", folder]
            raise SystemExit(run_apart(command, STOP_S))


def _refuse(sentences: str) -> NoReturn:
    typer.secho(sentences, fg="red", err=True)
    raise SystemExit(1)
