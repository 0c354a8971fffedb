from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serve_app.cli.doctor import checks, open_ports
from serve_app.cli.doctor.checks import Check
from serve_app.cli.main import app
from serve_app.settings import variables
from testing.running_app import free_port

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture(autouse=True)
def _quiet_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that shows nothing to others, and whose environment sets nothing."""
    for name in {*variables(), "PORT"}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(open_ports, "rays_processes", dict)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["doctor", *arguments])
    return result.exit_code, result.output


@pytest.mark.slow
def test_all_is_well_here() -> None:
    status, output = run("--port", str(free_port()))
    assert status == 0, output
    lines = output.splitlines()
    assert all(line.startswith(("ok ", "skipped ")) for line in lines)
    for name in (
        "configs/serve.yaml",
        "settings",
        "memory",
        "haproxy",
        "backend",
        "exposure",
        "ray",
        "label studio",
    ):
        assert any(line[9:].startswith(f"{name}:") for line in lines), name


def test_a_misspelt_key_ends_with_status_1(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text((ROOT / "configs" / "serve.yaml").read_text().replace("route_prefix:", "route_prefx:"))
    status, output = run("--only-files", str(config))
    assert status == 1
    assert "did you mean 'route_prefix'?" in output
    assert len(output.splitlines()) == 1


def test_only_files_looks_at_nothing_else() -> None:
    status, output = run("--only-files")
    assert status == 0, output
    assert "configs/serve.yaml" in output
    assert "backend" not in output


@pytest.mark.slow
def test_the_settings_of_the_config_are_checked(tmp_path: Path) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text("applications: [{import_path: 'serve_app.app:build', args: {cache_mib: 0}}]\n")
    status, output = run("--config", str(config), "--port", str(free_port()))
    assert status == 1
    assert "problem  settings: CACHE_MIB: must be at least 1, and is less." in output


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["", "a: [", "[]", "applications: 1\n", "applications: [1]\nhttp_options: 2\n"]
)
def test_a_config_that_cannot_be_read_is_no_crash(tmp_path: Path, text: str) -> None:
    config = tmp_path / "mine.yaml"
    config.write_text(text)
    status, output = run("--config", str(config), "--port", str(free_port()))
    assert status == 0, output


@pytest.mark.slow
def test_a_ray_that_others_reach_ends_with_status_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "check_ray", lambda addresses: [Check("raylet", "problem", "ANSWERS")])
    status, output = run("--port", str(free_port()))
    assert status == 1
    assert "problem  raylet: ANSWERS" in output


@pytest.mark.slow
def test_a_backend_for_everybody_ends_with_status_1() -> None:
    status, output = run("--port", str(free_port()), "--host", "0.0.0.0")
    assert status == 1
    assert "problem  exposure: NO PASSWORD" in output


def test_json_says_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("something: else\n")
    status, output = run("--json", "--only-files", str(file))
    said = json.loads(output)
    assert status == 1
    assert said["ok"] is False
    assert said["checks"][0]["state"] == "problem"
    assert said["checks"][0]["name"] == str(file)


def test_the_command_line_itself_does_not_import_ray() -> None:
    # Ray reads its environment when it is imported, and `serve` has to set it before.
    code = "import sys, serve_app.cli.main; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
