"""Tokenizers: nothing is lost on the way to ids and back."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from llm_envs.tokenizers import ByteTokenizer, WordTokenizer, make_tokenizer
from llm_envs.tokenizers.tokenizer import digest

TEXTS = ["The dog isn't (very) big.\nHello, you!", "def f(x):\n    return x[0] + y", "我 喜欢 吃饭。"]
WORDS = WordTokenizer.train(TEXTS, roles=True)
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n"))


@given(ASCII)
def test_words_lose_nothing_of_a_known_alphabet(text):
    assert WORDS.decode(WORDS.encode(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_bytes_lose_nothing(text):
    tokenizer = ByteTokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.lists(st.integers(0, WORDS.vocabulary_size - 1), max_size=30))
def test_any_sequence_of_ids_decodes(ids):
    assert isinstance(WORDS.decode(ids), str)


def test_a_word_is_one_token_and_spaces_are_implied():
    assert [WORDS.token(i) for i in WORDS.encode("The dog (very) big, you!")] == [
        *["The", "dog", "(", "very", ")", "big", ",", "you", "!"]
    ]


def test_chinese_is_read_by_character():
    assert [WORDS.token(i) for i in WORDS.encode("我喜欢吃饭。")] == list("我喜欢吃饭。")
    assert WORDS.decode(WORDS.encode("我喜欢吃饭。")) == "我喜欢吃饭。"


def test_unknown_words_are_spelled_and_unknown_signs_marked():
    assert [WORDS.token(i) for i in WORDS.encode("dogs")] == ["dog", "##s"]
    assert WORDS.decode(WORDS.encode("zebra crossing")) == "zebra crossing"
    assert WORDS.decode(WORDS.encode("Ω")) == "\ufffd"


def test_a_word_of_any_length_is_spelled():
    tokenizer = WordTokenizer.train(["abc abd"])
    assert tokenizer.decode(tokenizer.encode("abc" * 100)) == "abc" * 100


def test_text_that_looks_like_a_marker_is_text():
    ids = WORDS.encode("<eos> <user>")
    assert not set(ids) & {WORDS.end_token_ids[0], *WORDS.markers["user"]}
    assert WORDS.decode(ids) == "<eos> <user>"


def test_markers_and_end_tokens_leave_no_trace():
    ids = [*WORDS.markers["user"], *WORDS.encode("big dog"), *WORDS.markers["agent"], *WORDS.end_token_ids]
    assert WORDS.decode(ids) == "big dog"


def test_the_vocabulary_can_be_bounded_and_closed():
    assert make_tokenizer("word:3", lambda: TEXTS).vocabulary_size < WORDS.vocabulary_size
    unspelled = make_tokenizer({"id": "word", "spell": False}, lambda: TEXTS)
    assert unspelled.decode(unspelled.encode("big zebra")) == "big \ufffd"
    closed = WordTokenizer("abc", closed=True)
    assert closed.vocabulary_size == 5
    with pytest.raises(ValueError, match="'d' is not in the vocabulary"):
        closed.encode("a d")


def test_order_of_texts_does_not_matter_and_hashes_tell_vocabularies_apart():
    again = WordTokenizer.train(TEXTS[::-1], roles=True)
    assert again.tokens == WORDS.tokens
    assert again.content_hash == WORDS.content_hash
    assert WordTokenizer.train(TEXTS).content_hash != WORDS.content_hash
    assert pickle.loads(pickle.dumps(WORDS)).content_hash == WORDS.content_hash


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(TEXTS * 5, trainer)
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def test_a_tokenizer_json_needs_its_end_token_named(byte_level):
    with pytest.raises(ValueError, match=r"has no end token.*end_tokens"):
        make_tokenizer(f"hf:{byte_level}")
    tokenizer = make_tokenizer({"id": f"hf:{byte_level}", "end_tokens": ["<|end|>"]})
    assert tokenizer.token(tokenizer.end_token_ids[0]) == "<|end|>"
    assert tokenizer.markers["start"] == ()
    assert tokenizer.decode(tokenizer.markers["separator"]) == "\n"


def test_the_fast_decoding_equals_the_library_s(byte_level):
    tokenizer = make_tokenizer({"id": f"hf:{byte_level}", "end_tokens": ["<|end|>"]})
    library = Tokenizer.from_file(str(byte_level))

    @given(st.lists(st.integers(0, tokenizer.vocabulary_size - 1), max_size=20))
    def check(ids):
        assert tokenizer.decode(ids) == library.decode(ids, skip_special_tokens=True)

    check()


@pytest.mark.parametrize("decoder", ["bytes", "words"])
def test_an_end_token_without_a_flag_leaves_no_trace_either(byte_level, tmp_path, decoder):
    if decoder == "bytes":
        spec = {"id": f"hf:{byte_level}", "end_tokens": ["<|end|>", "."]}
    else:
        place = hf_tokenizer_with({"a": 0, "good": 1, "bye": 2, "<stop>": 3, ".": 4}, tmp_path)
        spec = {"id": f"hf:{place}", "end_tokens": ["<stop>", "."]}
    tokenizer = make_tokenizer(spec)
    text = "good bye" if decoder == "words" else "big dog"
    ids = tokenizer.encode(text)
    for end in tokenizer.end_token_ids:
        assert tokenizer.decode([*ids, end]) == text
        assert tokenizer.decode((end,)) == ""
    dot = tokenizer.end_token_ids[1]
    assert "." in tokenizer.decode([*ids, dot, *ids])  # in the middle it is a word


def test_only_end_tokens_without_a_flag_change_the_hash(byte_level):
    """Records name the hash, and what decodes as it did keeps its own."""
    tokenizer = make_tokenizer({"id": f"hf:{byte_level}", "end_tokens": ["<|end|>"]})
    state = Tokenizer.from_file(str(byte_level)).to_str()
    explicit = [tokenizer.end_token_ids, sorted(tokenizer.markers.items())]
    assert tokenizer.content_hash == digest(["hf", 1, state, explicit])
    dot = make_tokenizer({"id": f"hf:{byte_level}", "end_tokens": ["."]})
    assert dot.content_hash != digest(["hf", 1, state, [dot.end_token_ids, sorted(dot.markers.items())]])


class Halved:
    """A tokenizer that was left half written."""

    vocabulary_size = 3

    def encode(self, text):
        return [1]

    def decode(self, ids):
        return ""


def test_what_an_object_lacks_to_be_a_tokenizer_is_named():
    with pytest.raises(ValueError, match=r"lacks end_token_ids, markers, spec, content_hash, token$"):
        make_tokenizer(Halved())


def test_without_words_there_are_letters_or_an_error():
    spelled = make_tokenizer("word:0", lambda: TEXTS)
    assert [spelled.token(i) for i in spelled.encode("the cat")] == ["t", "##h", "##e", "c", "##a", "##t"]
    with pytest.raises(ValueError, match="max_words=0 and spell=False"):
        make_tokenizer({"id": "word:0", "spell": False}, lambda: TEXTS)


def test_a_transformers_folder_gives_its_special_tokens(byte_level, tmp_path):
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(
        tokenizer_file=str(byte_level), eos_token="<|end|>", bos_token="<|end|>"
    ).save_pretrained(tmp_path)
    tokenizer = make_tokenizer(f"hf:{tmp_path}")
    assert tokenizer.markers["start"] == tokenizer.end_token_ids
    assert make_tokenizer({"id": f"hf:{tmp_path}", "bos": False}).markers["start"] == ()
    assert tokenizer.decode(tokenizer.encode("Hello, 我!")) == "Hello, 我!"
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.content_hash == tokenizer.content_hash
    json.dumps(tokenizer.spec)


def test_truncation_and_padding_that_were_saved_are_left_out(byte_level, tmp_path):
    from transformers import PreTrainedTokenizerFast

    fast = PreTrainedTokenizerFast(tokenizer_file=str(byte_level), eos_token="<|end|>", pad_token="<|end|>")
    fast.save_pretrained(tmp_path / "plain")
    fast("x", padding="max_length", truncation=True, max_length=4)
    fast.save_pretrained(tmp_path / "cut")
    plain, cut = (make_tokenizer(f"hf:{tmp_path / name}") for name in ("plain", "cut"))
    assert cut.encode("a longer text") == plain.encode("a longer text")
    assert cut.markers == plain.markers
    assert cut.content_hash == plain.content_hash


def test_a_file_that_is_no_tokenizer_is_named(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json' is not a tokenizer\.json file"):
        make_tokenizer(f"hf:{path}")


def test_one_end_token_may_be_given_by_itself(tmp_path):
    place = hf_tokenizer_with({"a": 0, "<": 1, "<stop>": 2}, tmp_path)
    assert make_tokenizer({"id": f"hf:{place}", "end_tokens": "<stop>"}).end_token_ids == (2,)


def test_ids_may_have_gaps(tmp_path):
    place = hf_tokenizer_with({"a": 0, "b": 3, "<stop>": 9}, tmp_path)
    tokenizer = make_tokenizer({"id": f"hf:{place}", "end_tokens": ["<stop>"]})
    assert tokenizer.vocabulary_size == 10
    assert tokenizer.decode([3, 5]) == "b"


def hf_tokenizer_with(vocabulary, folder):
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="a"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


@given(
    st.lists(
        st.sampled_from(["<eos>", "<sep>", "<unk>", "<user>", "<space>", "<join>", "##", "a", " ", "\n"])
    )
)
def test_no_text_gives_a_marker(pieces):
    text = "".join(pieces)
    control = {
        i for i in range(WORDS.vocabulary_size) if WORDS.token(i) in ("<eos>", "<sep>", "<user>", "<agent>")
    }
    assert control.isdisjoint(WORDS.encode(text))
    assert WORDS.decode(WORDS.encode(text)) == text
    assert max(ByteTokenizer().encode(text), default=0) < 256


SCRIPTS = [
    "का की के को हिन्दी",
    "ภาษาไทย กำลังดี (ดี)",
    "un cafe\u0301 noir",
    "می\u200cخواهم",
    "তুমি ভালো",
    "தமிழ் மொழி",
]


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_mark_belongs_to_its_letter(text):
    tokenizer = WordTokenizer.train(SCRIPTS)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert not {"<unk>", "<join>"} & {tokenizer.token(i) for i in ids}
    if "ไ" not in text:
        assert len(ids) == len(text.split())
    shorter = WordTokenizer.train(
        SCRIPTS, max_words=0
    )  # letters and marks spell what is not in the vocabulary
    assert shorter.decode(shorter.encode(text)) == text


def literal(byte_level, added=(), special=(), end="<|end|>", **options):
    """A byte-level tokenizer with more added tokens, by the library, and ours."""
    library = Tokenizer.from_file(str(byte_level))
    library.add_special_tokens(list(special))
    library.add_tokens([AddedToken(token, normalized=False) for token in added])
    path = byte_level.parent / f"{abs(hash((*added, *special)))}.json"
    library.save(str(path))
    return library, make_tokenizer({"id": f"hf:{path}", "end_tokens": [end], **options})


SPELLED = st.lists(
    st.sampled_from(["<|end|>", "<|", "end", "|>", "<stop>", "Café", "é", " ", "\n", "big", "我"])
)


def test_a_text_that_spells_a_special_token_is_text(byte_level):
    _, tokenizer = literal(byte_level, added=["Café", "<stop>"])

    @given(SPELLED)
    def check(pieces):
        text = "".join(pieces)
        ids = tokenizer.encode(text)
        assert tokenizer.end_token_ids[0] not in ids
        assert tokenizer.decode(ids) == text

    check()
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.encode("a<|end|>") == tokenizer.encode("a<|end|>")
    assert len(copy.encode("<|end|>")) > 1


def test_an_end_token_that_was_added_without_a_flag_is_text_in_texts_too(byte_level):
    _, tokenizer = literal(byte_level, added=["<stop>"], end="<stop>", separator="<stop>")
    assert tokenizer.markers["separator"] == tokenizer.end_token_ids
    assert tokenizer.end_token_ids[0] not in tokenizer.encode("a <stop> b")
    assert tokenizer.decode(tokenizer.encode("a <stop> b")) == "a <stop> b"


def test_an_added_separator_is_text_in_texts(byte_level):
    _, tokenizer = literal(byte_level, added=["<sep>", "user"], separator="<sep>")
    assert not set(tokenizer.markers["separator"]) & set(tokenizer.encode("a <sep> b"))
    assert tokenizer.decode(tokenizer.encode("a <sep> user")) == "a <sep> user"
    assert tokenizer.token(tokenizer.encode("user")[0]) == "user"  # a word, though role markers hold it


def test_special_tokens_that_are_pieces_of_the_model_are_text(tmp_path):
    """Unigram models hold "</s>" with the best score of all."""
    scores = [("<unk>", 0.0), ("</s>", 0.0), *((letter, -2.0) for letter in "\u2581</s>ab")]
    library = Tokenizer(models.Unigram(scores, 0, False))
    library.pre_tokenizer, library.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    library.add_special_tokens(["</s>", "<unk>"])
    library.save(str(tmp_path / "tokenizer.json"))
    tokenizer = make_tokenizer({"id": f"hf:{tmp_path / 'tokenizer.json'}", "end_tokens": ["</s>"]})
    assert tokenizer.decode(tokenizer.encode("a </s> b</s>")) == "a </s> b</s>"
    assert tokenizer.end_token_ids[0] not in tokenizer.encode("a </s> b</s>")
    assert tokenizer.encode("aé")[-1] == 0  # what is unknown stays so


def test_an_end_token_without_letters_of_its_own_is_unknown_in_texts(tmp_path):
    library = Tokenizer(models.WordLevel({"<unk>": 0, "a": 1, "</s>": 2}, unk_token="<unk>"))
    library.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    library.add_special_tokens(["</s>"])
    library.save(str(tmp_path / "tokenizer.json"))
    tokenizer = make_tokenizer({"id": f"hf:{tmp_path / 'tokenizer.json'}", "end_tokens": ["</s>"]})
    assert tokenizer.encode("a </s> a") == [1, 0, 1]


@pytest.mark.parametrize("decoder", ["bytes", "sequence"])
def test_added_tokens_are_text_as_they_are(byte_level, tmp_path, decoder):
    added = ["Café", "naïve", "Ġx", "我们", "two words", "plain"]
    library, tokenizer = literal(byte_level, added=added)
    if decoder == "sequence":
        library.decoder = decoders.Sequence([decoders.ByteLevel(), decoders.Fuse()])
        library.save(str(tmp_path / "tokenizer.json"))
        tokenizer = make_tokenizer({"id": f"hf:{tmp_path / 'tokenizer.json'}", "end_tokens": ["<|end|>"]})
    words = {library.token_to_id(token): token for token in added}
    assert tokenizer.decode(tokenizer.encode("Café naïve Ġx 我们")) == "Café naïve Ġx 我们"

    @given(
        st.lists(st.integers(0, tokenizer.vocabulary_size - 1) | st.sampled_from(list(words)), max_size=20)
    )
    def check(ids):
        wanted, run = "", []
        for index in ids:
            if index in words:
                wanted += library.decode(run, skip_special_tokens=True) + words[index]
                run = []
            else:
                run.append(index)
        assert tokenizer.decode(ids) == wanted + library.decode(run, skip_special_tokens=True)

    check()


def test_only_added_tokens_that_were_misread_change_the_hash(byte_level):
    for added, changed in ((["plain", "我们"], False), (["Café"], True)):
        library, tokenizer = literal(byte_level, added=added)
        explicit = [tokenizer.end_token_ids, sorted(tokenizer.markers.items())]
        assert (tokenizer.content_hash != digest(["hf", 1, library.to_str(), explicit])) == changed
