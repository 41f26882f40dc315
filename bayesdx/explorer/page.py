"""The explorer as a local page: sessions behind a small web server on this machine alone, one for each tab.

It listens on the loopback address only. Every address starts with a random token; requests whose Host or Origin is not
this server's are refused; the page may load nothing from anywhere else (Content-Security-Policy).
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

import bayesdx as dx
from bayesdx.display.html import content_policy, digest, whole_page
from bayesdx.explorer.front import NO_ICON, script, style
from bayesdx.explorer.session import Session

LOOPBACK = "127.0.0.1"

LONGEST_REQUEST = 400_000
"""Bytes of a request that are read: a note, in any alphabet."""

MOST_TABS = 32
"""Tabs whose sessions are kept; the one that was used longest ago ends first."""

IDLE_SECONDS = 60.0
"""A connection on which nothing comes for so long is closed."""

START = 'import {show, overHttp} from "./explorer.js"; show(document.getElementById("explorer"), overHttp("ask"));'

DOCUMENT = whole_page(
    "bayesdx explorer",
    '<main id="explorer"></main>\n<noscript>The explorer needs JavaScript.</noscript>\n'
    f'<script type="module">{START}</script>',
    "bdx-page",
    head=f'{NO_ICON}<link rel="stylesheet" href="explorer.css">\n',
)

POLICY = content_policy(script=f"'self' {digest(START)}", style="'self'", connect="'self'", img="data:")
POLICY += "; frame-ancestors 'none'"
"""Content-Security-Policy of the page."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Page:
    """A local page that explores a model.

    Parameters
    ----------
    model : Model
    findings : mapping, optional
        Where to start.
    port : int
        0 takes any free one.
    folder : str
        Where the model was loaded from; empty for a shipped one.

    Raises
    ------
    BayesdxError
        The port is taken.
    FindingsError, ImpossibleEvidenceError
        As ``diagnose``.

    Examples
    --------
    >>> with Page(dx.load_model("hip_flexion_weakness@1.0.0")) as page:
    ...     page.address.startswith("http://127.0.0.1:")
    True
    """

    def __init__(
        self, model: dx.Model, findings: Mapping[str, Any] | None = None, port: int = 0, folder: str = ""
    ) -> None:
        Session(model, findings, folder)  # findings that cannot be are told before anything is served
        token = secrets.token_urlsafe(24)
        try:
            self._server = _Server(port, token, lambda: Session(model, findings, folder))
        except OSError as error:
            raise dx.BayesdxError(f"explorer: cannot listen on {LOOPBACK}:{port}: {error.strerror}.") from error
        self.address = f"http://{LOOPBACK}:{self._server.server_port}/{token}/"

    def serve(self) -> None:
        """Answer until interrupted or closed."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """End ``serve``, from another thread; connections that are still open are answered no more."""
        self._server.ended = True
        self._server.shutdown()

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    """A server that knows its token and the session of each tab."""

    ended = False
    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, token: str, new_session: Callable[[], Session]) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.token, self.lock = token, Lock()
        self._new_session = new_session
        self._sessions: dict[str, Session] = {}
        self.documents = {
            "": ("text/html; charset=utf-8", DOCUMENT.encode()),
            "explorer.js": ("text/javascript; charset=utf-8", script().encode()),
            "explorer.css": ("text/css; charset=utf-8", style().encode()),
        }

    def session(self, tab: str) -> Session:
        """The session of a tab, which starts where the page was told to start."""
        session = self._sessions.pop(tab, None) or self._new_session()
        self._sessions[tab] = session
        while len(self._sessions) > MOST_TABS:
            del self._sessions[next(iter(self._sessions))]
        return session

    @property
    def host(self) -> str:
        """The only Host that a request may name."""
        return f"{LOOPBACK}:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "bayesdx", ""
    disable_nagle_algorithm = True
    wbufsize = -1  # header and body leave together
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        """Serve the page, its module and its style sheet."""
        document = self.server.documents.get(self._place() or "")
        if self._refused() or document is None:
            self._reply(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
        else:
            self._reply(HTTPStatus.OK, *document)

    def do_POST(self) -> None:
        """Answer a request of the page."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LONGEST_REQUEST:
            self.close_connection = True
            self._reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "text/plain", b"too large\n")
            return
        body = self.rfile.read(int(length))
        own = self.headers.get("Origin") == f"http://{self.server.host}"
        if self._refused() or not own or self._place() != "ask":
            self._reply(HTTPStatus.NOT_FOUND, "text/plain", b"not found\n")
            return
        try:
            request = json.loads(body)
        except (ValueError, RecursionError):
            request = None
        if self.headers.get_content_type() != "application/json" or not isinstance(request, dict):
            self._reply(HTTPStatus.BAD_REQUEST, "text/plain", b"expected a JSON object\n")
            return
        with self.server.lock:
            reply = self.server.session(str(request.get("tab", ""))[:64]).answer(request)
        self._reply(HTTPStatus.OK, "application/json", json.dumps(reply, allow_nan=False).encode())

    def _refused(self) -> bool:
        """Whether the request comes from elsewhere: another Host, another Origin, no token."""
        origin = self.headers.get("Origin")
        return (
            self.server.ended
            or self.headers.get("Host") != self.server.host
            or origin not in (None, f"http://{self.server.host}")
            or self.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
            or self._place() is None
        )

    def _place(self) -> str | None:
        """What stands after the token; None where the token is not there."""
        token, _, place = self.path.removeprefix("/").partition("/")
        return place if hmac.compare_digest(token.encode(), self.server.token.encode()) else None

    def _reply(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged: their addresses hold the token."""
