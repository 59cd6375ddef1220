"""The figures in language_models.md: what texts and their degradations score.

llm-envs fetch smollm2-135m minilm homeassistant && python docs/rewards/language_models.py
"""

from __future__ import annotations

import random
from statistics import fmean

from llm_envs import Episode, Example, make_reward
from llm_envs.data import load_corpus

TEXTS = 60
EXAMPLE = "The weather is lovely today.", ("It's so sunny outside!", "He drove to the stadium.")
REWARDS = {
    "lm_fluency": "lm_fluency",
    "similarity": "semantic_similarity",
    "with repetition": {"lm_fluency": 1.0, "repetition": -10.0},
}


def degraded(texts: list[str], rng: random.Random) -> dict[str, list[str]]:
    """The texts as they are, and made worse."""
    return {
        "as it is": texts,
        "shuffled": [" ".join(rng.sample(text.split(), len(text.split()))) for text in texts],
        "another": texts[1:] + texts[:1],
        "repeated": [" ".join(text.split()[:1] * 12) for text in texts],
        "empty": [""] * len(texts),
    }


def main() -> None:
    """Prints the means, and how often a text is above its shuffled words."""
    rng = random.Random(0)
    poems = [e.references[0] for e in rng.sample(list(load_corpus("poems").split("test")), TEXTS)]
    corpus = load_corpus("homeassistant:en-de-sentences")
    sentences = [e.source for e in rng.sample(list(corpus.split("test")), TEXTS)]
    rewards = {name: make_reward(spec) for name, spec in REWARDS.items()}
    for kind, texts in (("poems", poems), ("sentences", sentences)):
        scores: dict[str, dict[str, list[float]]] = {}
        for how, made in degraded(texts, rng).items():
            episodes = [Episode(Example("", (text,)), new) for text, new in zip(texts, made, strict=True)]
            scores[how] = {name: reward.score_batch(episodes)[0] for name, reward in rewards.items()}
            print(kind, how, {name: round(fmean(found), 3) for name, found in scores[how].items()})
        pairs = zip(scores["as it is"]["lm_fluency"], scores["shuffled"]["lm_fluency"], strict=True)
        print(kind, "above their shuffled words:", sum(a > b for a, b in pairs), "of", TEXTS)
    text, others = EXAMPLE
    for other in others:
        print(other, round(rewards["similarity"](Episode(Example("", (text,)), other)), 4))


if __name__ == "__main__":
    main()
