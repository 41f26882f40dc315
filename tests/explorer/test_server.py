"""The local page as a server: who may ask, and what is sent along."""

from __future__ import annotations

import http.client
import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

import bayesdx as dx
from bayesdx.explorer.page import LONGEST_REQUEST, MOST_TABS
from tests.explorer.browser import MODEL, ROOT, served


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(dx.load_model(MODEL)) as found:
        yield found


@dataclass(frozen=True)
class Reply:
    """What the server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(address: str, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    sent = {"Host": parts.netloc, **{name.replace("_", "-"): value for name, value in headers.items()}}
    content = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, content, sent)
    response = connection.getresponse()
    reply = Reply(response.status, response.headers, response.read())
    connection.close()
    return reply


def origin(address: str) -> str:
    return f"http://{urlsplit(address).netloc}"


def test_it_answers_its_own_page(address: str) -> None:
    """The page asks with its token, its Host and its Origin, and is answered; every reply carries the policy."""
    path = urlsplit(address).path
    page = ask(address, "GET", path)
    assert page.status == 200
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
    assert page.headers["Referrer-Policy"] == "no-referrer"
    for name in ("explorer.js", "explorer.css"):
        assert ask(address, "GET", path + name).status == 200
    reply = ask(address, "POST", path + "ask", {"do": "look"}, Origin=origin(address), Content_Type="application/json")
    assert reply.status == 200
    assert json.loads(reply.body)["state"]["step"] == 0


@pytest.mark.parametrize("path", ["/", "/explorer.js", "/wrong/", "/wrong/ask", "//", "/%2e%2e/etc/passwd"])
def test_without_the_token_there_is_nothing(address: str, path: str) -> None:
    """An address without the token is not found."""
    assert ask(address, "GET", path).status == 404
    assert ask(address, "POST", path, {"do": "look"}, Origin=origin(address)).status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"}, {"Host": "localhost:80"}, {"Origin": "http://evil.example"}, {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
    ],
    ids=str,
)  # fmt: skip
def test_other_hosts_and_origins_are_refused(address: str, headers: dict[str, str]) -> None:
    """A request that names another Host (DNS rebinding) or comes from another Origin is not found, token or not."""
    path = urlsplit(address).path
    assert ask(address, "GET", path, **headers).status == 404
    sent = {"Origin": origin(address), "Content_Type": "application/json", **headers}
    assert ask(address, "POST", path + "ask", {"do": "reset"}, **sent).status == 404


def test_a_request_needs_its_origin_and_json(address: str) -> None:
    """A form of another page could send neither an Origin of ours nor JSON."""
    path = urlsplit(address).path + "ask"
    assert ask(address, "POST", path, {"do": "look"}, Content_Type="application/json").status == 404
    own = {"Origin": origin(address)}
    assert ask(address, "POST", path, {"do": "look"}, Content_Type="text/plain", **own).status == 400
    assert ask(address, "POST", path, b"[1]", Content_Type="application/json", **own).status == 400
    assert ask(address, "POST", path, b"{", Content_Type="application/json", **own).status == 400
    assert (
        ask(address, "POST", path, b"x" * (LONGEST_REQUEST + 1), Content_Type="application/json", **own).status == 413
    )


def test_each_tab_has_a_session_of_its_own(address: str) -> None:
    """What one tab finds does not appear in another; of very many tabs the one used longest ago starts anew."""
    path = urlsplit(address).path + "ask"

    def told(tab: str, **request: Any) -> dict[str, Any]:
        sent = {"tab": tab, **request}
        reply = ask(address, "POST", path, sent, Origin=origin(address), Content_Type="application/json")
        state: dict[str, Any] = json.loads(reply.body)["state"]
        return state

    assert len(told("one", do="set", index=3, state=0)["findings"]) == 1
    assert told("two", do="look")["findings"] == []
    assert len(told("one", do="look")["findings"]) == 1
    for number in range(MOST_TABS):
        told(f"other {number}", do="look")
    assert told("one", do="look")["findings"] == []


def test_it_listens_on_loopback_only(address: str) -> None:
    """The port answers on 127.0.0.1 and on no other address of this machine."""
    port = urlsplit(address).port
    assert urlsplit(address).hostname == "127.0.0.1" and port is not None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; tells this machine's own address
        own = probe.getsockname()[0]
    if own != "127.0.0.1":
        with pytest.raises(OSError), socket.create_connection((own, port), timeout=2):
            pass


def test_a_taken_port_is_said(address: str) -> None:
    """A port that is taken is one sentence."""
    from bayesdx.explorer import Page

    with pytest.raises(
        dx.BayesdxError, match=r"^explorer: cannot listen on 127\.0\.0\.1:\d+: Address already in use\.$"
    ):
        Page(dx.load_model(MODEL), port=urlsplit(address).port or 0)


@pytest.fixture
def heeded() -> Iterator[None]:
    """Interrupts that reach children, also where a shell that ignores them runs the suite in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded")
def test_the_command_serves_until_it_is_interrupted() -> None:
    """``bayesdx explore`` prints the address, answers there, and ends at Ctrl+C."""
    command = [sys.executable, "-m", "bayesdx", "explore", MODEL, "-f", "onset=sudden", "--no-browser"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            head = [process.stdout.readline(), process.stdout.readline()]
            assert head[0] == f"Exploring {MODEL} {dx.load_model(MODEL).version} at\n"
            found = re.fullmatch(r"  (http://127\.0\.0\.1:\d+/[\w-]{32}/)\n", head[1])
            assert found, head
            address = found[1]
            path = urlsplit(address).path + "ask"
            reply = ask(address, "POST", path, {"do": "look"}, Origin=origin(address), Content_Type="application/json")
            assert json.loads(reply.body)["state"]["findings"][0]["text"] == "Sudden onset"
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
        assert process.stdout.read().endswith("Ended.\n")
        assert process.stderr.read() == ""


def test_the_command_refuses_what_it_cannot_start_with(tmp_path: Any) -> None:
    """Findings that do not exist, and a table of several patients, are one sentence and exit code 2."""
    from typer.testing import CliRunner

    from bayesdx.cli import app

    table = tmp_path / "two.csv"
    table.write_text("onset,fever\nsudden,present\ngradual,absent\n", "utf-8")
    for arguments, message in (
        (["-f", "onset=acute"], "is not a state of onset"),
        (["--findings", str(table)], "2 patients; expected one."),
    ):
        result = CliRunner().invoke(app, ["explore", MODEL, "--no-browser", *arguments])
        assert (result.exit_code, result.stdout) == (2, "")
        assert message in result.stderr
