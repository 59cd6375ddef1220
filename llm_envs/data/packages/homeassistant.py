"""``homeassistant:en-de`` and others: user-interface texts of Home Assistant and their translations.

`llm-envs fetch homeassistant` brings them; then
`gym.make("Translation-v0", dataset="homeassistant:en-de-sentences", tokenizer="hf:smollm2-135m")`.
"""

from __future__ import annotations

import json
import re

from llm_envs.assets import AssetError, asset_folder
from llm_envs.data.corpus import Contents
from llm_envs.data.errors import DataError
from llm_envs.data.splitting import normalise_source, split_examples
from llm_envs.episode import Example

LANGUAGES = ("de", "es", "zh")

_MARKUP = re.compile(r"[{}\[\]<>|`*_\\\n]|https?:|%")
_SENTENCE = re.compile(r"[.!?]$")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_LONGEST = 120
_RATIOS = {"de": (0.4, 2.4), "es": (0.4, 2.4), "zh": (0.1, 1.2)}


def is_sound(source: str, target: str, language: str) -> bool:
    """Returns True if a pair looks like a translation of plain text.

    False for texts with placeholders, mark-up or addresses, for long ones (one in ten of the sentences), for
    lines that were never translated, and for pairs of very unequal length.
    """
    if not 3 <= len(source) <= _LONGEST or not target or _MARKUP.search(source) or _MARKUP.search(target):
        return False
    low, high = _RATIOS[language]
    return low <= len(target) / len(source) <= high and normalise_source(source) != normalise_source(target)


def is_sentence(source: str) -> bool:
    """Returns True if a source is a sentence (four words or more, a stop at the end), not a label."""
    return bool(_SENTENCE.search(source)) and len(source.split()) >= 4


def load(language: str, sentences: bool) -> Contents:
    """One example per English text; several translations are several references.

    Texts that differ only in digits, signs and case share a split.

    Raises:
        DataError: The asset is not fetched, or damaged.
    """
    try:
        path = asset_folder("homeassistant") / f"en-{language}.jsonl"
    except AssetError as error:
        raise DataError(str(error)) from error
    found: dict[str, tuple[str, dict[str, str]]] = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            source, target = (" ".join(text.split()) for text in json.loads(line))
            if is_sound(source, target, language) and (is_sentence(source) or not sentences):
                translations = found.setdefault(normalise_source(source), (source, {}))[1]
                translations.setdefault(normalise_source(target), target)
    examples = [
        Example(source, tuple(translations.values()), {"group": _NO_LETTERS.sub(" ", key).strip()})
        for key, (source, translations) in found.items()
    ]
    return Contents(split_examples(examples))
