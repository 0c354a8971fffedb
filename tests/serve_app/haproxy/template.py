"""HAProxy's configuration as the installed release of Ray writes it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ray.serve._private.haproxy import BackendConfig, HAProxyApi, HAProxyConfig, ServerConfig
from ray.serve.config import HTTPOptions

from testing.running_app import free_port


@dataclasses.dataclass
class Written:
    """What Ray writes into ``folder``, for one application at ``/`` with one replica."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = dataclasses.field(default_factory=free_port)
    replica: int = dataclasses.field(default_factory=free_port)
    stats: int = dataclasses.field(default_factory=free_port)
    metrics: int = dataclasses.field(default_factory=free_port)

    @property
    def file(self) -> Path:
        """The configuration."""
        return self.folder / "haproxy.cfg"

    @property
    def socket(self) -> Path:
        """HAProxy's own, for its manager."""
        return self.folder / "admin.sock"

    def write(self) -> str:
        """As when the manager starts HAProxy, and the text of it."""
        config = HAProxyConfig(
            socket_path=str(self.socket),
            server_state_base=str(self.folder),
            server_state_file=str(self.folder / "server-state"),
            metrics_socket_path=str(self.folder / "metrics.sock"),
            stats_port=self.stats,
            metrics_port=self.metrics,
            is_head=True,
            has_received_routes=True,
            http_options=HTTPOptions(host=self.host, port=self.port),
        )
        backend = BackendConfig(
            name="app",
            path_prefix="/",
            app_name="segment-anything",
            servers=[ServerConfig("replica", "127.0.0.1", self.replica)],
            timeout_http_keep_alive_s=90,
        )
        api = HAProxyApi(config, {backend.name: backend}, config_file_path=str(self.file))
        api._generate_config_file_internal()
        return self.file.read_text()
