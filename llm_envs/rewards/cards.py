"""What each reward of the package is: range, direction, cost and source. `llm-envs rewards list` shows it.

The rows are in the order of the generated page. A test checks that every reward has one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Card:
    """One row of the library.

    Attributes:
        range: The values that the reward can take.
        direction: "higher", or "lower" for a penalty, which gets a negative weight.
        cost: What a text of 50 words costs on one core of a server of 2024.
        source: Where the definition comes from.
        reads: What it needs besides the text: references, source, train texts, ...
        extra: The extra of this distribution that it needs, "" if none.
        trust: "" or why a file that names it needs `--allow-code`.
        dense: What a token costs with `reward_timing="dense"`: "constant"; "reference", which grows with the
            reference; "text", where every prefix is scored from scratch; or "parts".
    """

    range: str
    direction: str
    cost: str
    source: str
    reads: str = ""
    extra: str = ""
    trust: str = ""
    dense: str = "text"


_COUNTING = "under 0.05 ms"
_MODEL = "a forward pass"

CARDS: dict[str, Card] = {
    # against references
    "bleu": Card(
        "0 to 1", "higher", "0.05 ms", "Papineni et al. 2002; Post 2018", "references", dense="constant"
    ),
    "chrf": Card("0 to 1", "higher", "0.1 ms", "Popović 2015, 2017", "references", dense="constant"),
    "rouge": Card("0 to 1", "higher", _COUNTING, "Lin 2004", "references", dense="reference"),
    "ter": Card("0 to `limit`", "lower", "0.1 to 10 ms", "Snover et al. 2006", "references"),
    "edit_distance": Card("0 to 1", "higher", "0.2 ms", "Levenshtein 1966; Myers 1999", "references"),
    "exact_match": Card("0 or 1", "higher", _COUNTING, "Rajpurkar et al. 2016", "references"),
    "token_f1": Card("0 to 1", "higher", _COUNTING, "Rajpurkar et al. 2016; Dinan et al. 2019", "references"),
    "embedding_f1": Card("-1 to 1", "higher", _MODEL, "Zhang et al. 2020", "references", "agents"),
    "semantic_similarity": Card(
        "-1 to 1", "higher", _MODEL, "Reimers and Gurevych 2019", "references or source", "agents"
    ),
    # what was asked
    "constraints": Card("0 to 1", "higher", _COUNTING, "this project", "words and form of the example"),
    "keyword_coverage": Card(
        "0 to 1", "higher", _COUNTING, "Lin et al. 2020 (CommonGen)", "words of the example"
    ),
    "format": Card(
        "0 to 1", "higher", "0.01 to 0.1 ms", "this project; CMU Pronouncing Dictionary", extra="formats"
    ),
    "length_target": Card("0 to 1", "higher", _COUNTING, "Aggarwal and Welleck 2025", dense="constant"),
    "length_penalty": Card("0 or more", "lower", _COUNTING, "this project", dense="constant"),
    "brevity": Card("0 to 1", "higher", _COUNTING, "Anderson et al. 2018", dense="constant"),
    "language": Card("0 to 1", "higher", _COUNTING, "Lui and Baldwin 2012"),
    # how it is written
    "fluency": Card("0 to 1", "higher", "0.2 to 0.8 ms", "this project", "train texts", dense="constant"),
    "sentences": Card("0 to 1", "higher", "0.1 ms", "this project", "English train texts", dense="constant"),
    "lm_fluency": Card("nats, at most 0", "higher", _MODEL, "Jelinek et al. 1977", extra="agents"),
    "perplexity": Card("1 to `limit`", "lower", _MODEL, "Jelinek et al. 1977", extra="agents"),
    "distinct": Card("0 to 1", "higher", _COUNTING, "Li et al. 2016", dense="constant"),
    "repetition": Card("0 to 1", "lower", _COUNTING, "Li et al. 2016; Welleck et al. 2020", dense="constant"),
    "novelty": Card("0 to 1", "higher", _COUNTING, "this project", "train texts"),
    "copy_penalty": Card("0 to 1", "lower", _COUNTING, "Grusky et al. 2018", "source or references"),
    "toxicity": Card("0 to 1", "lower", "0.03 to 2.5 ms", "Zhou 2019 (profanity-check)", extra="toxicity"),
    "sentiment": Card("-1 to 1", "higher", _COUNTING, "Hutto and Gilbert 2014"),
    # dialogues
    "task_success": Card(
        "the measure's", "higher", _COUNTING, "the task", "measures of the task", dense="constant"
    ),
    "turn_repetition": Card("0 to 1", "lower", _COUNTING, "Li et al. 2016; See et al. 2019", "turns"),
    "question_share": Card("0 to 1", "higher", _COUNTING, "See et al. 2019", "turns"),
    # learned, run and asked
    "classifier": Card(
        "0 to 1, or a logit",
        "higher",
        "0.1 ms, or a forward pass",
        "the model's authors",
        "a model folder",
        "agents",
    ),
    "preference": Card(
        "0 to 1, or a logit",
        "higher",
        "0.1 ms, or a forward pass",
        "Bradley and Terry 1952; Christiano et al. 2017",
        "a folder of `fit-preferences`",
    ),
    "unit_tests": Card(
        "0 or 1",
        "higher",
        "10 ms and more",
        "Chen et al. 2021",
        "tests of the example",
        trust="it runs what an agent wrote, in a sandbox; Linux only",
    ),
    "evaluate:NAME": Card(
        "the module's",
        "higher",
        "3 ms and more",
        "the module's authors",
        "what it asks for",
        "evaluate",
        "it is code",
    ),
    "trl:module:name": Card(
        "the function's",
        "higher",
        "the function's",
        "the function's authors",
        "columns",
        trust="it is code",
    ),
    "http:URL": Card(
        "the server's",
        "higher",
        "a request",
        "Zheng et al. 2023 (a model as judge)",
        "source, references",
        trust="a server would receive the texts",
    ),
    # of others
    "verse": Card(
        "0 to 1",
        "higher",
        "0.2 to 2 ms",
        "this project",
        "words and form, English train texts",
        dense="parts",
    ),
    "poems-lm": Card(
        "0 to 1",
        "higher",
        _MODEL,
        "this project",
        "words and form, English train texts",
        "agents",
        dense="parts",
    ),
    "product": Card("0 or more", "higher", "its parts", "this project", "other rewards", dense="parts"),
    "sum": Card("its parts'", "higher", "its parts", "this project", "other rewards", dense="parts"),
    "clip": Card("`low` to `high`", "higher", "its part", "this project", "another reward", dense="parts"),
    "gate": Card(
        "the reward's, or `otherwise`", "higher", "its parts", "this project", "two rewards", dense="parts"
    ),
}
"""id -> its row."""
