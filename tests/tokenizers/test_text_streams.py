"""Text streams decode token by token what a tokenizer decodes at once."""

from __future__ import annotations

import gymnasium as gym
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llm_envs  # noqa: F401
from llm_envs.episode import Episode
from llm_envs.tokenizers import WordTokenizer, make_tokenizer
from llm_envs.tokenizers.streams import text_stream


class Cleaning:
    """A tokenizer that cleans the whole text up: a quotation mark removes all others before it."""

    vocabulary_size = 5
    end_token_ids = (0,)
    markers = dict.fromkeys(("start", "user", "database", "agent"), (1,)) | {"separator": (1,)}
    spec = "cleaning"
    content_hash = "0"

    def encode(self, text):
        return [2 + "ab'".find(letter) for letter in text if letter in "ab'"]

    def decode(self, ids):
        text = "".join("  ab'"[index] for index in ids if index > 1)
        head, mark, tail = text.rpartition("'")
        return head.replace("'", "") + mark + tail

    def token(self, index):
        return "  ab'"[index]


def hugging_face(folder, kind):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    if kind == "bytes":
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        words = {token: index for index, token in enumerate([*sorted(alphabet), "Ġa", "th"])}
        made = Tokenizer(models.BPE(vocab=words, merges=[("Ġ", "a"), ("t", "h")]))
        made.pre_tokenizer, made.decoder = (
            pre_tokenizers.ByteLevel(add_prefix_space=False),
            decoders.ByteLevel(),
        )
    else:
        pieces = ["[UNK]", "do", "n", "'", "t", "##t", ".", "well", "##s", ",", "'s"]
        made = Tokenizer(
            models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]")
        )
        made.decoder = decoders.WordPiece(cleanup=True)
    made.add_special_tokens(["<|end|>"])
    path = folder / f"{kind}.json"
    made.save(str(path))
    return make_tokenizer({"id": f"hf:{path}", "end_tokens": ["<|end|>"]})


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizers")
    texts = ["the cat (sat) , don't\n    on", "我爱 you.", "a-b"]
    return [
        WordTokenizer.train(texts),
        make_tokenizer("byte"),
        hugging_face(folder, "bytes"),
        hugging_face(folder, "pieces"),
        Cleaning(),
    ]


@settings(max_examples=150, deadline=None)
@given(which=st.integers(0, 4), drawn=st.lists(st.integers(0, 10**6), max_size=40))
def test_settled_and_pending_text_is_what_is_decoded(which, drawn, tokenizers):
    tokenizer = tokenizers[which]
    stream, settled, ids = text_stream(tokenizer), "", []
    for number in drawn:
        token = number % tokenizer.vocabulary_size
        if token in tokenizer.end_token_ids:
            continue
        ids.append(token)
        added = stream.push(token)
        settled = "" if added is None else settled + added
        assert settled + stream.pending == tokenizer.decode(ids)


def test_dense_rewards_start_again_where_a_token_changes_text_before_it():
    env = gym.make(
        "Translation-v0", tokenizer=Cleaning(), reward={"chrf": 1.0, "rouge": 1.0}, reward_timing="dense"
    ).unwrapped
    env.reset(seed=0, options={"example": 0})
    score, ids = 0.0, [2, 3, 4, 2, 3, 4, 3, 2]
    for count, action in enumerate(ids, 1):
        reward = env.step(action)[1]
        prefix = Episode(env.task.examples[0], env.tokenizer.decode(ids[:count]), tuple(ids[:count]))
        after = env.task.reward(prefix)
        assert reward == pytest.approx(after - score, abs=1e-12)
        score = after
