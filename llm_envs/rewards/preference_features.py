"""What a reward that was fitted to comparisons knows of a text: words, form, a language model's states.

The words are those of `linear_classifier.features_of`, hashed. The form is a short list of measures, of which
length enters also squared, so that a middle length can be the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from llm_envs.rewards.pretrained import Source, batches, padded
from llm_envs.tokenizers.words import lines_of, ngrams_of, words_of

FORM = (
    "length",
    "length squared",
    "lines",
    "letters a word",
    "different words",
    "repeated pairs",
    "signs a word",
    "question marks",
    "exclamation marks",
    "ends with a sign",
    "words of the prompt",
    "words from the prompt",
    "empty",
)
"""Names of the measures that `form_of` returns."""

_ENDS = tuple(".!?…。！？")
_TOKENS = 2**13


def form_of(source: str, text: str) -> list[float]:
    """Returns the measures that `FORM` names."""
    words, asked = words_of(text), set(words_of(source))
    count = len(words)
    length = math.log1p(count)
    pairs = list(ngrams_of(words, 2))
    signs = sum(not c.isalnum() and not c.isspace() for c in text)
    each = max(count, 1)
    return [
        length,
        length**2,
        math.log1p(len(lines_of(text))),
        sum(map(len, words)) / each,
        len(set(words)) / each,
        1.0 - len(set(pairs)) / len(pairs) if pairs else 0.0,
        signs / each,
        math.log1p(text.count("?")),
        math.log1p(text.count("!")),
        float(text.rstrip().endswith(_ENDS)),
        len(asked & set(words)) / len(asked) if asked else 0.0,
        sum(word in asked for word in words) / each,
        float(not words),
    ]


def embedded(model: Source, texts: Sequence[str]) -> npt.NDArray[np.float64]:
    """Returns the mean of a language model's last hidden states over each text, (n, hidden size).

    Its length is 1. The empty text has zeros. Texts are cut to the model's length.
    """
    import torch

    loaded = model.load()
    options = {"truncation": True, "max_length": loaded.longest}
    rows: list[list[int]] = [loaded.tokenizer(text, **options)["input_ids"] for text in texts]
    found = np.zeros((len(rows), int(loaded.model.config.hidden_size)))
    written = [i for i, row in enumerate(rows) if row and texts[i].strip()]
    for batch in batches([len(rows[i]) for i in written], _TOKENS if loaded.pad is not None else 1):
        places = [written[i] for i in batch]
        ids, mask = padded([rows[i] for i in places], loaded.device, loaded.pad or 0)
        with torch.inference_mode():
            hidden: Any = loaded.model(input_ids=ids, attention_mask=mask).last_hidden_state.float()
            weights = mask[..., None].float()
            means = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
        found[places] = torch.nn.functional.normalize(means, dim=1).cpu().numpy()
    return found
