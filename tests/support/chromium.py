"""A headless Chromium, driven over two pipes by the DevTools protocol: no driver, no port, no package."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """The browser's program; None if there is none. The variable CHROMIUM names another one."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


class Tab:
    """One page of the browser."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self._session = browser, session
        self.messages: list[str] = []
        self._loaded = False
        self._origin = "file:"
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and returns its result."""
        return self._browser.send(method, parameters, self._session)

    def open(self, path: Path, address: str = "", width: int = 1400, height: int = 900) -> None:
        """Opens a file at an address such as "#overview", at a width in CSS pixels."""
        self.go(path.resolve().as_uri() + address, width, height)

    def go(self, address: str, width: int = 1400, height: int = 900) -> None:
        """Opens an address. Requests of its own origin are expected; see `messages`."""
        self._origin = "/".join(address.split("/", 3)[:3])
        mobile = width < 640
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if mobile else 1,
            mobile=mobile,
        )
        for url in ("about:blank", address):  # another fragment alone loads nothing
            self._loaded = False
            self.send("Page.navigate", url=url)
            while not self._loaded:
                self._browser.receive()

    def wait(self, condition: str, tries: int = 200) -> None:
        """Waits until an expression is true in the page."""
        for _ in range(tries):
            if self.evaluate(f"new Promise(done => setTimeout(() => done({condition}), 25))"):
                return
        raise TimeoutError(f"never true: {condition}")

    def evaluate(self, expression: str) -> Any:
        """Returns the value of an expression in the page; a promise is awaited."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:1000])
        return result["result"].get("value")

    def press(self, key: str) -> None:
        """Presses a key."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def screenshot(self, path: Path, whole: bool = True) -> None:
        """Writes a picture of the page."""
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(data["data"]))

    def note(self, event: dict[str, Any]) -> None:
        """Keeps errors, violations of the policy, and requests that leave the page."""
        parameters = event["params"]
        if event["method"] == "Page.loadEventFired":
            self._loaded = True
        elif event["method"] == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(parameters["exceptionDetails"])[:500])
        elif event["method"] == "Log.entryAdded":
            self.messages.append(parameters["entry"]["text"])
        elif event["method"] == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            if not url.startswith(("file:", "about:", "data:", self._origin)):
                self.messages.append(f"request of {url}")


class Browser:
    """A running Chromium."""

    def __init__(self, program: str, profile: str) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        options = "--headless=new --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe"
        # The browser reads from descriptor 3 and writes to 4. sh knows no descriptor above 9, bash does.
        self._process = subprocess.Popen(
            [
                *("bash", "-c", f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}', program),
                *(*options.split(), f"--user-data-dir={profile}", "about:blank"),
            ],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._buffer, self._number = b"", 0
        self._tabs: dict[str, Tab] = {}

    def send(self, method: str, parameters: dict[str, Any], session: str | None = None) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def receive(self) -> dict[str, Any]:
        """Waits for the next message, and tells its tab if it is an event."""
        while b"\0" not in self._buffer:
            data = os.read(self._in, 2**20)
            if not data:
                raise RuntimeError("the browser has ended")
            self._buffer += data
        data, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(data)
        if "method" in message and message.get("sessionId") in self._tabs:
            self._tabs[message["sessionId"]].note(message)
        return message

    def tab(self) -> Tab:
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        return tab

    def close(self) -> None:
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        self._process.wait(30)


@contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """Starts a browser and ends it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            yield browser
        finally:
            browser.close()
