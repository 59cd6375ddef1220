"""BLEU of many growing texts equals BLEU from scratch of every prefix, whatever their tokens are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example as with_example
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_envs.episode import Episode, Example
from llm_envs.rewards import make_reward
from llm_envs.tokenizers.streams import PieceStream

WORDS = [
    "the",
    "cat",
    "don't",
    "mother-in-law",
    "3",
    "3.5",
    "quot",
    "skipped",
    "-5",
    "a'",
    "…",
    "goal_x",
    "中",
]
LETTERS = ["s", "5", "at", "e"]
MARKS = [",", ".", ";", "!", "?", ":"]
PIECES = [
    (None, False, False),  # the end
    (None, False, False),  # a marker
    *((word, False, False) for word in WORDS),
    *((letter, True, False) for letter in LETTERS),
    *((mark, True, False) for mark in MARKS),
    *((sign, False, True) for sign in "([$&<"),
    *((sign, True, False) for sign in ")]>'-…"),
    ("-", False, False),
    ("x-", False, False),
    ("&amp;", False, False),
    ("<skipped>", True, True),
    *((space, True, True) for space in ("\n", " ", "    ", "")),
    ("", False, False),
    (".", True, True),
]
NONE = len(PIECES)


class Pieces:
    """A tokenizer of PIECES."""

    vocabulary_size = NONE
    end_token_ids = (0,)

    def stream(self):
        return PieceStream(PIECES)

    def decode(self, ids):
        stream = self.stream()
        return "".join(stream.push(token) for token in ids)


REWARD = make_reward({"id": "bleu", "tokenize": "13a"})
TEXTS = st.lists(st.integers(1, NONE - 1), max_size=25)


def token(piece, binds_left=None):
    """The first token of a piece."""
    return next(i for i, (text, left, _) in enumerate(PIECES) if text == piece and binds_left in (None, left))


def ids(*pieces):
    return [token(piece, binds_left=True) if piece in LETTERS else token(piece) for piece in pieces]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(TEXTS, min_size=1, max_size=3),
    st.lists(st.text(alphabet="the cats.,-'5!\n", max_size=20), min_size=1, max_size=2),
    st.lists(TEXTS, min_size=1, max_size=2),
)
@with_example([ids("the", "s", "s", "cat")], ["thess cat"], [ids("the", "s")])
@with_example([ids("3", ",", "5", "the")], ["3,5 the"], [ids("the")])
@with_example([ids("3", ",", "s", "5")], ["3, s5"], [ids("the")])
@with_example([ids("-", "\n", "cat", "-", "\n", "\n", "the")], ["cat the", "- cat"], [ids("the", "cat")])
@with_example([[*ids("-", "\n"), PIECES.index(("", False, False)), *ids("the")]], ["the"], [ids("cat")])
@with_example([ids("the", "", "cat", ",", "", "3")], ["thecat,3"], [ids("cat")])
@with_example([ids("&", "quot", ";", "the")], ['" the', "&quot; the"], [ids("cat")])
@with_example([ids("<", "skipped", ">", "cat")], ["< skipped > cat", "<skipped>cat"], [ids("cat")])
@with_example([[*ids("the"), 1, *ids("s", "cat")]], ["thes cat"], [ids("cat")])
def test_every_prefix_of_every_row_scores_as_from_scratch(texts, references, copied):
    tokenizer = Pieces()
    references = [*references, *map(tokenizer.decode, copied)]
    examples = [Example("", tuple(references)), Example("", (tokenizer.decode(texts[0]) or "the",))]
    rows, final = REWARD.rows(tokenizer, 4), REWARD.final_rows(tokenizer, 4)
    written: list[list[int]] = [[], [], [], []]
    of_row = [examples[row % 2] for row in range(4)]
    for scorer in (rows, final):
        scorer.begin([0, 1, 2, 3], of_row)
    for step in range(max(map(len, texts))):
        if step == 3:  # a text begins anew
            for scorer in (rows, final):
                scorer.begin([2], [examples[1]])
            of_row[2], written[2] = examples[1], []
        tokens = np.full(4, NONE)
        for row in range(4):
            text = texts[row % len(texts)]
            if step < len(text) and not (row == 3 and step % 2):  # the last row does not always step
                tokens[row] = text[step]
                written[row].append(text[step])
        scores = rows.step(tokens)
        final.read(tokens)
        episodes = [Episode(e, tokenizer.decode(w)) for e, w in zip(of_row, written, strict=True)]
        assert scores == pytest.approx([REWARD(episode) for episode in episodes], abs=1e-12)
    scores = rows.step(np.array([0, NONE, 0, NONE]))  # end tokens are no part of a text
    final.read(np.array([0, NONE, 0, NONE]))
    episodes = [Episode(e, tokenizer.decode(w)) for e, w in zip(of_row, written, strict=True)]
    assert scores == pytest.approx([REWARD(episode) for episode in episodes], abs=1e-12)
    exact = [REWARD.score(episode) for episode in episodes]
    assert rows.finish(np.arange(4)) == exact
    for found, expected in zip(final.finish(np.arange(4)), exact, strict=True):
        assert found in (None, expected)


class Numbers:
    """A tokenizer of 400 words."""

    vocabulary_size = 401
    end_token_ids = (400,)
    words = tuple(f"w{i}" for i in range(400))

    def stream(self):
        return PieceStream([(word, False, False) for word in self.words] + [(None, False, False)])


def numbered(rng, different, length):
    return " ".join(Numbers.words[i] for i in rng.integers(different, size=length))


@pytest.mark.parametrize(("different", "length", "sets"), [(40, 60, 3), (400, 900, 2), (200, 250, 70)])
def test_long_texts_large_references_and_many_of_them_score_as_from_scratch(different, length, sets):
    rng = np.random.default_rng(0)
    reward, tokenizer = make_reward({"id": "bleu", "tokenize": "13a"}), Numbers()
    rows = reward.rows(tokenizer, 2)
    written: list[list[int]] = [[], []]
    of_row: list[Example] = []
    for number in range(sets):
        example = Example("", (numbered(rng, different, length),))
        if number == 0:
            of_row = [example, example]
            rows.begin([0, 1], of_row)
        else:
            rows.begin([1], [example])
            of_row[1], written[1] = example, []
        for step in range(300 if sets < 4 else 3):
            tokens = rng.integers(different, size=2)
            for row in (0, 1):
                written[row].append(int(tokens[row]))
            scores = rows.step(tokens)
            if step % 50 < 3:
                texts = [" ".join(Numbers.words[i] for i in w) for w in written]
                expected = [reward(Episode(e, t)) for e, t in zip(of_row, texts, strict=True)]
                assert scores == pytest.approx(expected, abs=1e-12)
    assert scores.min() > 0


@pytest.mark.parametrize("option", [{"max_order": 2}, {"smooth_method": "floor"}, {"effective_order": False}])
def test_rows_follow_other_options_too(option):
    reward, tokenizer = make_reward({"id": "bleu", "tokenize": "13a", **option}), Pieces()
    rows = reward.rows(tokenizer, 1)
    example, text = Example("", ("the cats, the cat",)), ids("the", "cat", "s", ",", "the", "cat")
    rows.begin([0], [example])
    for end in range(1, len(text) + 1):
        score = rows.step(np.array([text[end - 1]]))
        expected = reward(Episode(example, tokenizer.decode(text[:end])))
        assert score == pytest.approx([expected], abs=1e-12)
    assert reward.final_rows(tokenizer, 1) is None
