"""The parts of a hill climb: changes are of every kind, and the best text is kept."""

from __future__ import annotations

from collections import Counter
from random import Random

from llm_benchmarks.rewards.hill_climbing import Moves, changed, climbed, drawn


def test_changes_replace_insert_remove_and_exchange_tokens():
    rng, sizes = Random(0), Counter()
    for _ in range(400):
        made = changed(["a", "b", "c", "d"], rng, lambda text, place: "x", shortest=2)
        sizes[len(made), Counter(made)["x"]] += 1
    assert set(sizes) == {(4, 1), (5, 1), (3, 0), (4, 0)}


def test_a_text_at_its_least_length_loses_nothing_and_an_empty_one_grows():
    rng = Random(1)
    assert all(len(changed(["a", "b"], rng, lambda t, p: "x", shortest=2)) >= 2 for _ in range(100))
    assert changed([], rng, lambda text, place: "x", piece=lambda: ["p"]) == ["x"]


def test_pieces_are_put_in_the_place_of_up_to_three_tokens():
    moves = Moves(replace=0.0, insert=0.0, remove=0.0, exchange=0.0)
    rng = Random(2)
    made = [
        changed(list("abcdef"), rng, lambda t, p: "x", moves=moves, piece=lambda: "pq") for _ in range(200)
    ]
    assert all("".join(text).count("pq") == 1 for text in made)
    assert {len(text) for text in made} == {5, 6, 7, 8}


def test_half_of_the_drawn_words_follow_the_word_before():
    rng, after = Random(3), Counter({"next": 3})
    words = Counter(drawn(rng, after, ["asked"], ["any"]) for _ in range(4000))
    assert abs(words["next"] / 4000 - 0.5) < 0.03
    assert abs(words["asked"] / 4000 - 0.2) < 0.03
    assert Counter(drawn(rng, None, [], ["any"]) for _ in range(10)) == {"any": 10}


def test_a_climb_returns_the_best_text_it_saw():
    rng, seen = Random(4), []

    def score(text):
        seen.append((float(sum(text)), list(text)))
        return seen[-1][0]

    def change(text):
        return changed(text, rng, lambda t, p: rng.randrange(10), shortest=3)

    top, best = climbed([1, 2, 3], score, change, rng, tries=200, temperature=5.0)
    assert (top, best) in seen
    assert top == max(value for value, _ in seen) > 6
