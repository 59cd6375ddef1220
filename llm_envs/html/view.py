"""An episode as one HTML fragment: what was asked, the text with its tokens coloured, what it earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llm_envs.html.colours import COLOURS, Shade, level_shades, signed_shades, text_shade
from llm_envs.html.fragment import Html, escaped
from llm_envs.html.tokens import Decoder, token_spans

_BOX = (
    "font-family:ui-sans-serif,system-ui,sans-serif;line-height:1.6;max-width:60em;padding:.5em .8em;"
    "border:1px solid rgb(128 128 128 / .35);border-radius:8px;color:inherit"
)
_LABEL = "opacity:.65;font-size:.85em;margin-right:.5em"
_TEXT = "white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate"
_EMPTY = "▪"


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text, with what colours them.

    Attributes:
        spans: Where each stands in the text.
        shades: The background of each.
        titles: What is shown when the pointer rests on it.
    """

    spans: Sequence[tuple[int, int]]
    shades: Sequence[Shade]
    titles: Sequence[str]


def view(
    *,
    source: str,
    text: str,
    action_ids: Sequence[int] = (),
    references: Sequence[str] = (),
    turns: Sequence[tuple[str, str]] = (),
    reward: float | None = None,
    components: Mapping[str, float] | None = None,
    metrics: Mapping[str, float] | None = None,
    finish_reason: str | None = None,
    tokenizer: Decoder | None = None,
    rewards: Sequence[float] | None = None,
    values: Sequence[float] | None = None,
    turn_limit: int | None = None,
) -> Html:
    """Returns an episode as HTML.

    Args:
        source: What the agent was given.
        text: The agent's text; in a dialogue its turns, one per line.
        action_ids: The agent's tokens.
        references: Good answers; the first is shown.
        turns: The turns of a dialogue: who spoke, what they said.
        reward: The score of the text. Without token rewards it colours the whole text.
        components: The value of each reward, by name.
        metrics: The value of each metric, by name.
        finish_reason: What ended the episode; None while it runs.
        tokenizer: Tells the tokens apart. Without it no token is coloured by itself.
        rewards: One for each token.
        values: One for each token, such as Q; they take precedence over rewards.
        turn_limit: The most tokens of a turn.

    Raises:
        ValueError: There is not one reward or value for each token, or no tokenizer for them.
    """
    tokens = _tokens(text, action_ids, tokenizer, rewards, values, turn_limit)
    rows = [_row("source", _plain(source))]
    at = 0
    for speaker, said in turns:
        body = _coloured(text, tokens, at, at + len(said), reward) if speaker == "agent" else _plain(said)
        at += len(said) + 1 if speaker == "agent" else 0
        rows.append(_row(speaker, body))
    if not turns or at < len(text):
        rows.append(_row("agent" if turns else "text", _coloured(text, tokens, at, len(text), reward)))
    if references:
        rows.append(_row("reference", _plain(references[0])))
    if reward is not None:
        rows.append(_row("reward", f"<b>{reward:.3f}</b> {escaped(_listed(components or {}))}"))
    if metrics:
        rows.append(_row("metrics", escaped(_listed(metrics))))
    if finish_reason is not None:
        rows.append(_row("ended by", escaped(finish_reason)))
    return Html(f'<div class="llm-envs-episode" style="{_BOX}">{"".join(rows)}</div>')


def _tokens(
    text: str,
    action_ids: Sequence[int],
    tokenizer: Decoder | None,
    rewards: Sequence[float] | None,
    values: Sequence[float] | None,
    turn_limit: int | None,
) -> Tokens | None:
    for name, given in (("rewards", rewards), ("values", values)):
        if given is not None and len(given) != len(action_ids):
            raise ValueError(f"{name} has {len(given)} numbers, and the text has {len(action_ids)} tokens")
    if rewards is None and values is None:
        return None
    if tokenizer is None:
        raise ValueError(
            "rewards or values of tokens need the tokenizer that tells the tokens apart: tokenizer="
        )
    titles = []
    for k in range(len(action_ids)):
        known = [
            _number(name, numbers[k], sign=name == "reward")
            for name, numbers in (("reward", rewards), ("value", values))
            if numbers is not None
        ]
        titles.append(f"token {k + 1}: {', '.join(known)}")
    shades = signed_shades(rewards or ()) if values is None else level_shades(values)
    return Tokens(token_spans(tokenizer, text, action_ids, turn_limit), shades, titles)


def _coloured(text: str, tokens: Tokens | None, begin: int, end: int, reward: float | None) -> str:
    """Returns a part of the text with its tokens coloured. Without tokens, the reward colours all of it."""
    if tokens is None:
        style = _background(text_shade(reward))
        title = "" if reward is None else f' title="{_number("reward", reward)}"'
        return f'<span style="{_TEXT}"><span{title}{style}>{escaped(text[begin:end])}</span></span>'
    parts: list[str] = []
    at = begin
    for (start, stop), shade, title in zip(tokens.spans, tokens.shades, tokens.titles, strict=True):
        if start < begin or stop > end:
            continue
        parts.append(escaped(text[at:start]))
        inside = escaped(text[start:stop]) or (_EMPTY if shade.opacity else "")
        if inside:
            parts.append(f'<span title="{escaped(title)}"{_background(shade)}>{inside}</span>')
        at = stop
    parts.append(escaped(text[at:end]))
    return f'<span style="{_TEXT}">{"".join(parts)}</span>'


def _background(shade: Shade) -> str:
    if not shade.colour or not shade.opacity:
        return ""
    red, green, blue = COLOURS[shade.colour]
    line = f";text-decoration:underline dotted rgb({red} {green} {blue})" if shade.colour == "bad" else ""
    return f' style="background:rgb({red} {green} {blue} / {shade.opacity:.3f});border-radius:3px{line}"'


def _row(label: str, body: str) -> str:
    return f'<div><span style="{_LABEL}">{escaped(label)}</span>{body}</div>'


def _plain(text: str) -> str:
    return f'<span style="{_TEXT}">{escaped(text)}</span>'


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def _number(name: str, value: float, *, sign: bool = False) -> str:
    return f"{name} {value:{'+' if sign else ''}.4g}"
