import pytest

from llm_envs.data.bundled.reader import read_rows
from llm_envs.data.bundled.requests import bundled_requests, choose_requests, content_words

TEXTS = [
    "The grey cat sleeps by the window in the rain",
    "Rain on the window, and the cat is grey with rain",
    "A grey morning. The kettle and the cat wait for rain.",
    "The kettle on the window sill wakes my unique zebra",
]


def chosen(taught=(True, True, True, True), excluded=None, **options):
    excluded = excluded or [()] * len(TEXTS)
    options = {"size": 2, "count": 2, "frequency": (2, 3), **options}
    return choose_requests(TEXTS, taught=taught, excluded=excluded, **options)


def test_content_words_are_folded_and_distinct():
    assert content_words("The Rain, the rain; it isn’t mine") == ["rain"]
    assert content_words("का की 3 हिन्दी") == ["का", "की", "हिन्दी"]


def test_words_stand_in_the_text_in_order_and_are_rare_but_not_unique():
    for text, requests in zip(TEXTS, chosen(), strict=True):
        words = content_words(text)
        for request in requests:
            assert request == sorted(request, key=words.index)
            assert "zebra" not in request
    assert all(1 <= len(requests) <= 2 for requests in chosen())


def test_requests_for_one_text_share_one_word_at_most():
    for requests in chosen(count=3):
        for i, request in enumerate(requests):
            for other in requests[:i]:
                assert len(set(request) & set(other)) <= 1


def test_words_nobody_was_taught_are_not_asked_for():
    requests = chosen(taught=(True, False, False, False))
    asked = {word for found in requests for words in found for word in words}
    assert asked <= set(content_words(TEXTS[0]))


def test_words_that_the_request_names_anyway_are_not_asked_for():
    requests = chosen(excluded=[("cat",)] * 4)
    assert all("cat" not in words for found in requests for words in found)


def test_choosing_is_deterministic_whatever_the_order_of_texts():
    reverse = choose_requests(
        TEXTS[::-1], size=2, count=2, frequency=(2, 3), taught=[True] * 4, excluded=[()] * 4
    )
    assert reverse[::-1] == chosen()


@pytest.mark.parametrize("name", ["poems", "scripts"])
def test_the_stored_requests_are_the_chosen_ones(name):
    # After adding or changing a text: python -m llm_envs.data.bundled.requests
    assert [row["words"] for row in read_rows(name)] == bundled_requests(name)
