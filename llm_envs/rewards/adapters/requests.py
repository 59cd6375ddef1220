"""JSON over HTTP with timeouts and retries, from the standard library."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

from llm_envs.foreign import parse_json, shown

MAX_REPLY = 8 << 20
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_PAUSE = 60.0
_LOCAL = ("localhost", "127.0.0.1", "::1")

pause: Callable[[float], None] = time.sleep


def check_url(url: str) -> None:
    """Checks the address of a server.

    Raises:
        ValueError: It is not http or https, has no host, or holds a password, which records would show.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"url={url!r} is no address ({error})") from None
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        raise ValueError(
            f"url={url!r} must be an address such as 'http://localhost:8000/score'; as an id "
            "'http:http://localhost:8000/score'"
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "url holds a user name or password, which records would show; put a key into the environment "
            "variable LLM_ENVS_REWARD_KEY"
        )


def is_private(url: str) -> bool:
    """Returns True if nobody on the way can read a request: https, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOCAL


def post(url: str, body: Mapping[str, Any], *, key: str | None, timeout: float, retries: int) -> Any:
    """Posts JSON and returns the JSON of the reply.

    A connection that fails, a timeout and a busy server (408, 425, 429, 500, 502, 503, 504) are tried again,
    after 0.5, 1, 2, ... seconds, or as long as the server asks, at most a minute.

    Args:
        url: The server.
        body: The request.
        key: Sent as "Authorization: Bearer KEY"; None sends none.
        timeout: Seconds to wait for an answer.
        retries: How often to try again.

    Raises:
        ValueError: The server refuses, does not answer, or answers with something else than JSON.
    """
    data = json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    opener = _opener(url)
    for attempt in range(retries + 1):
        request = urllib.request.Request(url, data=data, headers=headers, method="POST")
        wait = min(0.5 * 2**attempt, _LONGEST_PAUSE)
        try:
            with opener.open(request, timeout=timeout) as reply:
                content = reply.read(MAX_REPLY + 1)
            if len(content) > MAX_REPLY:
                raise ValueError(f"{url} answered with more than {MAX_REPLY:,} bytes")
            return parse_json(content, f"the answer of {url}")
        except urllib.error.HTTPError as error:
            with error:
                reason = f"status {error.code}: {_said(error)}"
                if error.code not in _AGAIN:
                    raise ValueError(f"{url} refused the request, {reason}") from None
                wait = _asked_wait(error.headers.get("Retry-After"), wait)
        except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
            inner = getattr(error, "reason", error)
            reason = str(inner) or type(inner).__name__
        if attempt < retries:
            pause(wait)
    raise ValueError(f"{url} did not answer in {retries + 1} attempt(s) of at most {timeout:g} s: {reason}")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Texts and keys go to the named server and to no other."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(url: str) -> urllib.request.OpenerDirector:
    direct = [urllib.request.ProxyHandler({})] if urlsplit(url).hostname in _LOCAL else []
    return urllib.request.build_opener(_NoRedirects, *direct)


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return shown(error.read(500).decode("utf-8", "replace").strip() or error.reason)
    except (OSError, http.client.HTTPException):
        return shown(error.reason)


def _asked_wait(header: str | None, otherwise: float) -> float:
    try:
        return min(max(0.0, float(header or "")), _LONGEST_PAUSE)
    except ValueError:  # none, or a date
        return otherwise


def refuse(url: str, what: str, value: Any) -> NoReturn:
    """Raises the error for an answer of another form."""
    raise ValueError(f"{url} answered {shown(repr(value), 200)}, {what}")
