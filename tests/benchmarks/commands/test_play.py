"""Playing by hand, by lines and by tokens."""

from __future__ import annotations

import io

import pytest

from llm_benchmarks.commands.play import Player


def played(env_id: str, text: str, **arguments: object) -> str:
    out = io.StringIO()
    Player(env_id, example=0, **arguments).play(io.StringIO(text), out)  # type: ignore[arg-type]
    return out.getvalue()


def test_end_of_input_ends_an_unfinished_text() -> None:
    reference = played("TextGen-Tiny-v0", "/reference\n").splitlines()[-1]
    said = played("TextGen-Tiny-v0", f"{reference}\n")
    assert "reward: 1.000" in said
    assert "ended by stop" in said


def test_single_tokens_are_written_by_name_or_id() -> None:
    said = played("TextGen-Tiny-v0", "/token a 3\n/ids\n/token zz\n\n")
    assert "a=2 b=3" in said
    assert "'zz' is no token" in said
    assert "ended by stop" in said


def test_play_goes_on_after_words_it_cannot_write() -> None:
    said = played("TextGen-Tiny-v0", "hello\n/hepl\na\n/new\nb\n/quit\n")
    assert "not written: 'hello'" in said
    assert "there is no /hepl" in said
    assert said.count("source:") >= 4


def test_token_budget_ends_a_text_that_is_too_long() -> None:
    said = played("TextGen-Tiny-v0", "a b c d e f a\nmore\n")
    assert "the budget was spent 2 tokens before the end" in said
    assert "ended by length" in said
    assert "/new for the next" in said


def test_each_line_is_a_turn_in_a_dialogue() -> None:
    said = played("Dialogue-v0", "query : type restaurant\n/quit\n")
    assert "agent:    query : type restaurant" in said
    assert said.count("so far") == 2


def test_play_takes_a_reward_and_refuses_unknown_arguments() -> None:
    said = played("TextGen-Tiny-v0", "a\n", reward={"length_penalty": -1.0, "bleu": 1.0})
    assert "length_penalty" in said
    with pytest.raises(TypeError, match="did you mean 'dataset'"):
        played("TextGen-Tiny-v0", "", datset="tiny")


def test_words_outside_the_vocabulary_are_named() -> None:
    said = played("Dialogue-v0", "what would a zebra like , zebra ?\n/quit\n")
    assert "not in the vocabulary: 'zebra'; written as '\ufffd'" in said
    assert "agent:    what would a \ufffd like" in said
    assert "not in the vocabulary" not in played("Dialogue-v0", "what area would you like ?\n/quit\n")
    assert "not in the vocabulary" not in played("TextGen-v0", "the Zebra's sea, again\n/quit\n")


@pytest.mark.parametrize("own", [{}, {1: "query : area north"}, {0: "query : food soup", 2: "a zebra ?"}])
def test_reference_gives_the_next_expert_turn_of_a_dialogue(own: dict[int, str]) -> None:
    out = io.StringIO()
    player = Player("Dialogue-v0", example=1)
    for turn in range(14):
        said = out.getvalue().strip().splitlines()
        if said and said[-1].startswith("ended by"):
            break
        hint = io.StringIO()
        player.play(io.StringIO("/reference\n/reference\n/quit\n"), hint)
        first, second = hint.getvalue().strip().splitlines()[-2:]
        assert first == second
        player.play(io.StringIO(own.get(turn, first) + "\n/quit\n"), out)
    assert "success 1.000" in out.getvalue()
    over = io.StringIO()
    player.play(io.StringIO("/reference\n/quit\n"), over)
    assert over.getvalue().strip().splitlines()[-1] == "this one is over: /new for the next"
