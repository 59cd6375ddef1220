"""Texts that a search finds against a reward: what a learner could find, without a learner.

Hill climbing changes one word at a time and keeps what scores no less. Beam search writes from left to right
and keeps the prefixes that score best. Both know the reward and the words of the train texts, and nothing of
English.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random

from llm_benchmarks.rewards.hill_climbing import changed, climbed, drawn
from llm_envs.envs.task import Task
from llm_envs.episode import Episode, Example
from llm_envs.rewards.forms import FORMS
from llm_envs.tokenizers.words import is_word, tokens_of

TRIES = 1500
TEMPERATURE = 0.02
WIDTH = 6
_BREAK = "\n"
_FOLLOWERS = 12
_RANDOM = 4
_SHORTEST = 3
_BONUS = 0.3


def score_of(task: Task, example: Example) -> Callable[[Sequence[str]], float]:
    """Returns the task's reward of tokens as an answer to an example."""
    return lambda tokens: float(task.reward(Episode(example, joined(tokens))))


def joined(tokens: Sequence[str]) -> str:
    """Returns the text of tokens: no space before a punctuation mark, lines as lines."""
    text = ""
    for token in tokens:
        if token == _BREAK or not text or text.endswith(_BREAK) or not is_word(token):
            text += token
        else:
            text += " " + token
    return text


def hill_climb(task: Task, example: Example, rng: Random, tries: int = TRIES) -> str:
    """Returns the text that hill climbing ends at.

    It starts from lines of words that often follow each other, with the requested words among them. A change
    replaces, inserts, removes or moves a word. Changes that lose a little are taken now and then, at first.
    """
    followers, words = followers_and_words(task)
    asked = [str(word) for word in example.metadata.get("words", ())]

    def draw(tokens: Sequence[str], place: int) -> str:
        return drawn(rng, followers.get(tokens[place - 1] if place else _BREAK), asked, words)

    _, best = climbed(
        _first(example, rng, followers, asked),
        score_of(task, example),
        lambda tokens: changed(tokens, rng, draw, shortest=_SHORTEST),
        rng,
        tries=tries,
        temperature=TEMPERATURE,
    )
    return joined(best)


def beam_search(task: Task, example: Example, rng: Random, width: int = WIDTH) -> str:
    """Returns the best text of a beam search that writes the lines the form asks for.

    A prefix is judged as if it were the whole text, with a bonus for the requested words that it has.
    """
    followers, words = followers_and_words(task)
    asked = [str(word) for word in example.metadata.get("words", ())]
    lines = FORMS[str(example.metadata["form"])].lines
    score = score_of(task, example)
    beams: list[tuple[float, list[str]]] = [(0.0, [])]
    for number, (low, high) in enumerate(lines):
        length = rng.randint(low, min(high, low + 2))
        for _ in range(length):
            grown: dict[tuple[str, ...], float] = {}
            for _, tokens in beams:
                last = tokens[-1] if tokens else _BREAK
                candidates = [word for word, _ in followers[last].most_common(_FOLLOWERS) if is_word(word)]
                candidates += [word for word in asked if word not in tokens]
                candidates += rng.sample(words, _RANDOM)
                for word in candidates:
                    made = (*tokens, word)
                    bonus = sum(word in made for word in asked) / max(1, len(asked))
                    grown[made] = score(made) + _BONUS * bonus
            ordered = sorted(grown.items(), key=lambda entry: (-entry[1], entry[0]))[:width]
            beams = [(value, list(tokens)) for tokens, value in ordered]
        if number < len(lines) - 1:
            beams = [(value, [*tokens, _BREAK]) for value, tokens in beams]
    return joined(max((tokens for _, tokens in beams), key=score))


def followers_and_words(task: Task) -> tuple[dict[str, Counter[str]], list[str]]:
    """Returns token -> what follows it in the train texts and how often, and their words in order."""
    followers: dict[str, Counter[str]] = {}
    for text in task.train_texts():
        last = _BREAK
        for token in tokens_of(text):
            followers.setdefault(last, Counter())[token] += 1
            last = token
    words = sorted({word for after in followers.values() for word in after if is_word(word)})
    for word in (*words, _BREAK):
        followers.setdefault(word, Counter())
    return followers, words


def first_lines(example: Example, rng: Random, followers: dict[str, Counter[str]]) -> list[str]:
    """Returns lines of words that often follow each other, as many as the example's form asks for."""
    form = FORMS.get(str(example.metadata.get("form")))
    lines = form.lines if form else ((5, 8),) * 3
    tokens: list[str] = []
    for low, high in lines:
        last = _BREAK
        for _ in range(rng.randint(low, min(high, low + 2))):
            known = [word for word in followers[last] if is_word(word)]
            last = rng.choices(known, [followers[last][word] for word in known])[0] if known else "the"
            tokens.append(last)
        tokens.append(_BREAK)
    tokens.pop()
    return tokens


def _first(
    example: Example, rng: Random, followers: dict[str, Counter[str]], asked: Sequence[str]
) -> list[str]:
    tokens = first_lines(example, rng, followers)
    places = [i for i, token in enumerate(tokens) if token != _BREAK]
    for word, place in zip(asked, rng.sample(places, min(len(asked), len(places))), strict=False):
        tokens[place] = word
    return tokens
