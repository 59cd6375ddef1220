"""Draws docs/figures/episode.svg: one episode of Translation-v0, one row for each step.

    python docs/figures/episode.py

The reference agent plays, so the drawing shows what the code does. The card has its own light background and
reads well on a dark page.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

import gymnasium as gym
import numpy as np

from llm_baselines.anchors.reference import ReferenceAgent
from llm_envs.envs.task import Task

EXAMPLE = 2
CELL, HEIGHT, ROW, TOP, LEFT = 70, 24, 34, 58, 16
PROMPT, ANSWER, EMPTY = ("#e4e8ee", "#39424e"), ("#cfe3ff", "#123a6b"), ("#ffffff", "#b4bcc7")
FONT = "font-family='ui-monospace,Menlo,Consolas,monospace'"


def play(env: gym.Env, task: Task) -> tuple[list[np.ndarray], list[int], list[float]]:
    """Plays one episode: the observations, the actions and the rewards."""
    agent = ReferenceAgent(env, seed=0)
    observation, info = env.reset(seed=0, options={"example": EXAMPLE})
    state = agent.begin_episodes([0], [task.examples[info["example"]]])
    observations, actions, rewards, over = [observation], [], [], False
    while not over:
        action, state = agent.predict(observation[None], state)
        observation, reward, over, _, _ = env.step(int(action[0]))
        observations.append(observation)
        actions.append(int(action[0]))
        rewards.append(float(reward))
    return observations, actions, rewards


def token_text(task: Task, token: int) -> str:
    """How a token is written in the drawing; "" where there is none."""
    if token < 0:
        return ""
    if token in task.tokenizer.end_token_ids:
        return "END"
    return task.tokenizer.decode([token]).strip() or "SEP"


def box(x: int, y: int, text: str, colours: tuple[str, str]) -> str:
    """One token."""
    fill, ink = colours
    middle, size = x + (CELL - 4) / 2, f"width='{CELL - 4}' height='{HEIGHT}'"
    return (
        f"<rect x='{x}' y='{y}' {size} rx='4' fill='{fill}' stroke='#c5ccd6'/>"
        f"<text x='{middle}' y='{y + 16}' text-anchor='middle' font-size='12' fill='{ink}'>"
        f"{escape(text)}</text>"
    )


def label(
    x: float, y: float, text: str, *, size: int = 13, anchor: str = "start", ink: str = "#39424e"
) -> str:
    """One line of text."""
    return (
        f"<text x='{x}' y='{y}' font-size='{size}' text-anchor='{anchor}' fill='{ink}'>{escape(text)}</text>"
    )


def draw() -> str:
    """The whole drawing as SVG."""
    env = gym.make("Translation-v0", split="test")
    task = env.unwrapped.task  # type: ignore[attr-defined]
    observations, actions, rewards = play(env, task)
    width = task.max_prompt_tokens
    first = int((observations[0] >= 0).argmax()) - 1  # one empty column shows the padding
    last = width + len(actions)
    columns = range(first, last)
    right = LEFT + CELL * len(columns) + 24
    total_width, total_height = right + 160, TOP + ROW * len(actions) + 58
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {total_width} {total_height}' {FONT}>",
        f"<rect width='{total_width}' height='{total_height}' rx='10' fill='#fafbfc' stroke='#d5dbe3'/>",
        label(LEFT, 26, "observation: the prompt, then the text so far", size=14),
        label(
            LEFT + CELL * (width - first), 46, "a text begins in the same column in every episode", size=11
        ),
        label(right, 26, "action", size=14),
        label(right + 90, 26, "reward", size=14),
    ]
    for step, (observation, action, reward) in enumerate(zip(observations, actions, rewards, strict=False)):
        y = TOP + ROW * step
        for place, column in enumerate(columns):
            text = token_text(task, int(observation[column]))
            colours = EMPTY if not text else PROMPT if column < width else ANSWER
            parts.append(box(LEFT + CELL * place, y, text or "-1", colours))
        parts.append(box(right, y, token_text(task, action), ANSWER))
        parts.append(label(right + 90, y + 17, f"{reward:g}", ink="#0b6b3a" if reward else "#8a94a1"))
    y = TOP + ROW * len(actions) + 26
    parts.append(label(LEFT, y, "One action is one token. The end token ends the episode, and the reward"))
    parts.append(label(LEFT, y + 18, "(here BLEU against the reference) is paid for the whole text."))
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
