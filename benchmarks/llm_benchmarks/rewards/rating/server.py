"""The server of the page: for this machine alone, and for nobody who does not have the address.

It listens on 127.0.0.1. Every address begins with a token. Host must be this server's own, which stops pages
of other sites that point their name at 127.0.0.1 (DNS rebinding). What changes something is a POST of JSON
whose Origin is this server's own, which stops forms and scripts of other sites (CSRF).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from llm_benchmarks.rewards.rating.page import Page
from llm_benchmarks.rewards.rating.session import BadAnswer, Session, StaleAnswer
from llm_envs.foreign import ForeignDataError, parse_json

HOST = "127.0.0.1"
MAX_BODY = 4096
_PATIENCE = 20  # seconds for a request to arrive
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class RatingServer(ThreadingHTTPServer):
    """Serves one session.

    Args:
        session: The questions and answers.
        page: The page.
        port: The port; 0 for a free one.

    Raises:
        OSError: The port is taken or may not be used.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, session: Session, page: Page, port: int = 0) -> None:
        super().__init__((HOST, port), _Handler)
        self.session = session
        self.page = page
        self.token = secrets.token_urlsafe(16)
        names = (HOST, "localhost")
        self.hosts = frozenset(f"{name}:{self.server_port}" for name in names)
        self.origins = frozenset(f"http://{host}" for host in self.hosts)
        if self.server_port == 80:  # browsers leave the usual port out
            self.hosts |= frozenset(names)
            self.origins |= frozenset(f"http://{name}" for name in names)

    @property
    def address(self) -> str:
        """The page's address, with the token."""
        return f"http://{HOST}:{self.server_port}/{self.token}/"

    def server_bind(self) -> None:
        """Binds, without asking a name server for this machine's name."""
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = HOST, self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of connections that a browser breaks off."""


class _Refused(Exception):
    """A request that is answered with an error."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Handler(BaseHTTPRequestHandler):
    """One request. HTTP/1.0: a connection serves one request, so a body that is not read does no harm."""

    server: RatingServer
    timeout = _PATIENCE
    server_version, sys_version = "llm-envs", ""

    def do_GET(self) -> None:
        """Sends the page."""
        try:
            if self._path() != "":
                raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
            self._send(HTTPStatus.OK, self.server.page.html, "text/html; charset=utf-8")
        except _Refused as refused:
            self._send_error(refused)

    def do_POST(self) -> None:
        """Answers the page's script."""
        actions: Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
            "question": lambda body: self.server.session.question(body.get("rater")),
            "answer": lambda body: self.server.session.answer(
                *(body.get(name) for name in ("rater", "item", "choice", "seconds"))
            ),
            "undo": lambda body: self.server.session.undo(body.get("rater")),
            "raters": lambda body: {"raters": self.server.session.raters()},
        }
        try:
            action = actions.get(self._path())
            if action is None:
                raise _Refused(HTTPStatus.NOT_FOUND, "there is nothing here")
            answer = action(self._body())
            self._send(HTTPStatus.OK, json.dumps(answer), "application/json")
        except _Refused as refused:
            self._send_error(refused)
        except (BadAnswer, ForeignDataError) as error:
            self._send_error(_Refused(HTTPStatus.BAD_REQUEST, str(error)))
        except StaleAnswer as error:
            self._send_error(_Refused(HTTPStatus.CONFLICT, str(error)))
        except OSError as error:  # the disk refused; the page says so and asks again
            message = f"nothing was stored: {error.strerror}"
            self._send_error(_Refused(HTTPStatus.INSUFFICIENT_STORAGE, message))

    def _path(self) -> str:
        """Returns the path behind the token.

        Raises:
            _Refused: Host is another, or the token is missing or wrong.
        """
        if self.headers.get_all("Host") is None or self.headers.get_all("Host") != [self.headers["Host"]]:
            raise _Refused(HTTPStatus.BAD_REQUEST, "one Host is needed")
        if self.headers["Host"].lower() not in self.server.hosts:
            raise _Refused(HTTPStatus.MISDIRECTED_REQUEST, "this server answers under its own address only")
        _, _, rest = self.path.partition("/")
        token, slash, path = rest.partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refused(HTTPStatus.FORBIDDEN, "open the address that `llm-envs rate` printed")
        return path

    def _body(self) -> Mapping[str, Any]:
        """Returns the JSON object that was sent.

        Raises:
            _Refused: It comes from another site, is too long, or of another kind.
            ForeignDataError: It is not JSON.
        """
        if self.headers.get("Origin") not in self.server.origins:
            raise _Refused(HTTPStatus.FORBIDDEN, "a request of another site")
        if self.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise _Refused(HTTPStatus.FORBIDDEN, "a request of another site")
        if self.headers.get("Content-Type") != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "JSON is expected")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "a length is needed")
        if len(length) > 9 or int(length) > MAX_BODY:
            raise _Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MAX_BODY} bytes")
        body = parse_json(self.rfile.read(int(length)), "the request")
        if not isinstance(body, dict):
            raise _Refused(HTTPStatus.BAD_REQUEST, "an object is expected")
        return body

    def _send_error(self, refused: _Refused) -> None:
        self._send(refused.status, json.dumps({"error": str(refused)}), "application/json")

    def _send(self, status: HTTPStatus, content: str, kind: str) -> None:
        data = content.encode("utf-8", "backslashreplace")
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Security-Policy", self.server.page.policy)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Prints nothing: addresses hold the token."""
