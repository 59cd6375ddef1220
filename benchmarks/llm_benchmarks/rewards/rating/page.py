"""The page as HTML: its style and script inside, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib import resources

import jinja2

from llm_benchmarks.rewards.rating.items import Scale
from llm_envs.foreign import shown_lines

QUESTIONS: dict[Scale, str] = {"pairs": "Which text is better?", "absolute": "How good is this text?"}
"""Scale -> what people are asked if nobody says otherwise."""


@dataclass(frozen=True)
class Page:
    """The page.

    Attributes:
        html: The page.
        policy: Its Content-Security-Policy.
    """

    html: str
    policy: str


def render(scale: Scale, question: str) -> Page:
    """Returns the page. It holds no text of the items; the script asks for them and shows them as text."""
    style, script = _read("rate.css"), f'\n(() => {{\n"use strict";\n{_read("rate.js")}\n}})();\n'
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    html = environment.from_string(_read("rate.html.jinja")).render(
        scale=scale, question=shown_lines(question), style=style, script=script
    )
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


def _read(name: str) -> str:
    return resources.files(__package__).joinpath("templates", name).read_text(encoding="utf-8")


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"
