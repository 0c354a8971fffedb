"""What `doctor` says of the Redis that Ray's head needs."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from serve_app.cli.doctor import checks, ray_redis
from testing.running_app import free_port


class Redis(socketserver.ThreadingTCPServer):
    """As much of a Redis as is asked: AUTH and PING."""

    daemon_threads = True
    password = ""
    loading = False


class Client(socketserver.StreamRequestHandler):
    server: Redis

    def handle(self) -> None:
        allowed = not self.server.password
        while words := self._command():
            if words[0] == "AUTH" and not self.server.password:
                self._say("-ERR Client sent AUTH, but no password is set. Did you mean AUTH <username>?")
            elif words[0] == "AUTH":
                allowed = words[1] == self.server.password
                self._say(
                    "+OK" if allowed else "-WRONGPASS invalid username-password pair or user is disabled."
                )
            elif not allowed:
                self._say("-NOAUTH Authentication required.")
            else:
                self._say(
                    "-LOADING Redis is loading the dataset in memory" if self.server.loading else "+PONG"
                )

    def _command(self) -> list[str]:
        count = self.rfile.readline().strip().removeprefix(b"*")
        return [self._word() for _ in range(int(count or 0))]

    def _word(self) -> str:
        length = int(self.rfile.readline().strip().removeprefix(b"$"))
        return self.rfile.read(length + 2)[:length].decode()

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


@contextmanager
def serving(password: str = "", *, loading: bool = False) -> Iterator[str]:
    """The address of one that runs."""
    with Redis(("127.0.0.1", 0), Client) as redis:
        redis.password, redis.loading = password, loading
        threading.Thread(target=redis.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{redis.server_address[1]}"
        redis.shutdown()


def said(address: str, password: str = "") -> str:
    return ray_redis.problem({"RAY_REDIS_ADDRESS": address, "REDIS_PASSWORD": password})


def test_nobody_is_asked_where_none_is_named() -> None:
    assert checks.check_redis({}) == []


@pytest.mark.parametrize("scheme", ["", "redis://"])
@pytest.mark.parametrize(("password", "given"), [("", ""), ("", "left over"), ("öne two", "öne two")])
def test_one_that_answers(scheme: str, password: str, given: str) -> None:
    with serving(password) as address:
        assert said(scheme + address, given) == ""
        environment = {"RAY_REDIS_ADDRESS": address, "REDIS_PASSWORD": given}
        assert [each.state for each in checks.check_redis(environment)] == ["ok"]


def test_each_mistake_is_a_sentence_with_the_variable_and_the_remedy() -> None:
    with serving("right password") as address:
        assert said(address).endswith("asks for a password. Set REDIS_PASSWORD.")
        wrong = said(address, "a wrong one")
        assert wrong.endswith("does not take the password in REDIS_PASSWORD. Correct it.")
        assert "a wrong one" not in wrong
    with serving(loading=True) as address:
        assert "still reading its files; try again" in said(address)
    nobody = f"127.0.0.1:{free_port()}"
    refused = said(nobody)
    assert f"RAY_REDIS_ADDRESS names {nobody}, where no Redis answers (Connection refused)" in refused
    assert "Start it, or correct RAY_REDIS_ADDRESS" in refused
    [check] = checks.check_redis({"RAY_REDIS_ADDRESS": nobody})
    assert (check.name, check.state, check.sentence) == ("redis", "problem", refused)


class Web(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.rfile.readline()
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_what_is_no_redis_is_told_from_one() -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Web) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert "what answers there is no Redis" in said(f"127.0.0.1:{server.server_address[1]}")
        server.shutdown()


@pytest.mark.parametrize(
    "address",
    ["redis", "redis:port", "http://redis:6379", "redis://:secret word@", "redis:99999", "[::1:6379"],
)
def test_what_is_no_address_is_refused_without_being_repeated(address: str) -> None:
    sentence = said(address)
    assert (
        sentence == "RAY_REDIS_ADDRESS is no address of a Redis; write it as HOST:PORT, without a password."
    )


def test_the_first_of_several_is_asked() -> None:
    with serving() as address:
        assert said(f"{address},10.0.0.1:6379") == ""


def test_a_name_that_no_host_can_have() -> None:
    assert "where no Redis answers" in said(f"{'a' * 70}.example:6379")
