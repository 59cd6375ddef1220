"""Makes the items of `llm-envs rate` and serves the page until it is interrupted."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llm_benchmarks.console.input import InputError, bad_input, creatable, existing_store
from llm_benchmarks.console.report import tell_problems
from llm_benchmarks.rewards.rating.items import Item, Scale, items_hash, items_of_file, items_of_store
from llm_benchmarks.rewards.rating.judgements import Asked, JudgementFile
from llm_benchmarks.rewards.rating.page import QUESTIONS, render
from llm_benchmarks.rewards.rating.server import HOST, RatingServer
from llm_benchmarks.rewards.rating.session import Session
from llm_envs.foreign import shown

_LONGEST_QUESTION = 500


@dataclass(frozen=True)
class Texts:
    """Where the texts come from: a file, or a store and an environment."""

    file: Path | None
    store: Path | None
    env: str
    experiment: str | None
    agents: tuple[str, ...]


def rate(
    texts: Texts,
    out: Path,
    scale: Scale,
    question: str | None,
    n: int | None,
    seed: int,
    *,
    port: int,
    open_page: bool,
    json_output: bool,
) -> int:
    """Serves the page until the person interrupts it.

    Args:
        texts: The texts to judge.
        out: File of the judgements.
        scale: Pairs, or single texts.
        question: What people are asked; the scale's usual question if None.
        n: The most items.
        seed: Seed of the order and the sides.
        port: The port; 0 for a free one.
        open_page: Open the page in the browser.
        json_output: Print the address and the file as JSON.

    Returns:
        The exit status: 0, or 1 if records could not be read.

    Raises:
        InputError: The texts, the file or the port cannot be used.
    """
    problems: dict[str, str] = {}
    asked_text = QUESTIONS[scale] if question is None else question
    with bad_input():
        if not asked_text.strip() or len(asked_text) > _LONGEST_QUESTION:
            raise InputError(f"--question {shown(asked_text, 60)!r}: 1 to {_LONGEST_QUESTION} characters")
        creatable(out, "--out")
        items = _items(texts, scale, seed, n, problems)
        out.parent.mkdir(parents=True, exist_ok=True)
        asked = Asked(scale, asked_text, seed, len(items), items_hash(items))
        file = JudgementFile(out, asked)
    tell_problems(problems)
    try:
        with bad_input():
            server = _server(Session(items, file), scale, asked_text, port)
        with server:
            _say(server.address, out, len(items), json_output)
            if open_page:
                import webbrowser

                webbrowser.open(server.address)
            with suppress(KeyboardInterrupt):  # the usual end: everything is on the disk
                server.serve_forever(poll_interval=0.2)
    finally:
        file.close()
    said = file.said.judgements
    if not json_output:
        count = sum(map(len, said.values()))
        print(shown(f"\n{count} judgements of {len(said)} raters in '{out}'", None))
        print(shown(f"see them: llm-envs rate --report {out}", None))
    return 1 if problems else 0


def _items(texts: Texts, scale: Scale, seed: int, n: int | None, problems: dict[str, str]) -> list[Item]:
    if texts.file is not None:
        return items_of_file(texts.file, scale, seed, n)
    assert texts.store is not None
    store = existing_store(texts.store)
    options = {"experiment": texts.experiment, "agents": texts.agents, "problems": problems}
    return items_of_store(store, texts.env, scale, seed, n, **options)  # type: ignore[arg-type]


def _server(session: Session, scale: Scale, question: str, port: int) -> RatingServer:
    try:
        return RatingServer(session, render(scale, question), port)
    except OSError as error:
        raise InputError(
            f"--port {port} of {HOST} cannot be used: {error.strerror}; 0 takes a free one"
        ) from error


def _say(address: str, out: Path, items: int, json_output: bool) -> None:
    if json_output:
        print(json.dumps({"address": address, "judgements": str(out), "items": items}), flush=True)
        return
    print(shown(f"{items} items; judgements go to '{out}'", None))
    print(f"open {address}")
    print("the address is the key: give it only to people who are to rate; Ctrl-C ends", flush=True)
