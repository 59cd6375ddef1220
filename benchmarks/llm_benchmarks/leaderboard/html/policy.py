"""The Content-Security-Policy of a page that holds everything in itself."""

from __future__ import annotations

import base64
import hashlib


def content_policy(style: str, script: str = "") -> str:
    """Returns a policy that allows one inline style and one inline script, by their hashes, and nothing else.

    Args:
        style: The whole text of the page's style element.
        script: The whole text of its script element; empty allows no script.
    """
    scripts = f"script-src '{_hash(script)}'; " if script else ""
    return f"default-src 'none'; {scripts}style-src '{_hash(style)}'; base-uri 'none'; form-action 'none'"


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
