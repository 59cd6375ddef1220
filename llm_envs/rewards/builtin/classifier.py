"""Text classifiers and reward models as rewards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from llm_envs.episode import Episode
from llm_envs.rewards.linear_classifier import LinearClassifier, is_linear, read_linear
from llm_envs.rewards.pretrained import TOLERANCE, Source, batches, padded

_TOKENS = 2**14


class Classifier:
    """One output of a text classifier: of transformers, or of `llm-envs rewards fit-classifier`.

    With several labels the probability is softmax's. If the model says
    `problem_type="multi_label_classification"`, it is the label's own sigmoid. A model of one output (a
    reward model) gives its number unchanged. Texts are cut to the model's length. A folder that was fitted is
    read without torch and costs 0.1 ms a text. `reward="classifier:FOLDER"` is short for `model=FOLDER`.

    Args:
        model: A folder or a hub id, with safetensors weights; or a folder of `fit-classifier`.
        label: The label's name in the model, or its index. Required if there are several, unless
            `fit-classifier` was told which label to reward.
        output: "probability", "logit", or "label": 1 if the label is the likeliest, else 0. The default is
            "probability", and "logit" for a model of one output.
        pair: True if the model reads source and text together, as natural-language inference and many reward
            models do. By default it reads the text alone.
        device: A torch device, or "auto": a GPU if there is one.
        dtype: "float32", "bfloat16" or "float16". Part of the signature, because it changes the numbers.
    """

    tolerance = TOLERANCE

    def __init__(
        self,
        *,
        model: str,
        label: str | int | None = None,
        output: str | None = None,
        pair: bool = False,
        device: str = "auto",
        dtype: str = "float32",
    ) -> None:
        self._linear: LinearClassifier | None = None
        if is_linear(model):
            self._take_linear(model, label, output, pair)
            return
        self._source = Source("classifier", model, device, dtype)
        loaded = self._source.load()
        config = loaded.model.config
        self._label = _label(model, config, label)
        usual = "logit" if config.num_labels == 1 else "probability"
        self._output = usual if output is None else output
        if self._output not in ("probability", "logit", "label"):
            raise ValueError(f"unknown output={output!r}; 'probability', 'logit' or 'label'")
        if config.num_labels == 1 and self._output == "label":
            raise ValueError(f"{model!r} has one output and no labels to choose from; output='logit'")
        self._sigmoid = config.num_labels == 1 or config.problem_type == "multi_label_classification"
        self._pair = pair
        self.signature = (
            f"classifier|model:{loaded.identity}|label:{self._label}|output:{self._output}|"
            f"pair:{'yes' if pair else 'no'}|dtype:{dtype}|v2"
        )

    def _take_linear(self, model: str, label: str | int | None, output: str | None, pair: bool) -> None:
        linear = self._linear = read_linear(model)
        label = linear.facts.get("rewarded") if label is None else label
        choices = ", ".join(map(repr, linear.labels))
        if isinstance(label, int) and not isinstance(label, bool) and 0 <= label < len(linear.labels):
            label = linear.labels[label]
        if label not in linear.labels:
            raise ValueError(f"{model!r} has no label {label!r}; choose one: label={choices}")
        if pair:
            raise ValueError(f"{model!r} reads the text alone; drop the option 'pair'")
        self._label = linear.labels.index(label)
        self._output = "probability" if output is None else output
        if self._output not in ("probability", "logit", "label"):
            raise ValueError(f"unknown output={output!r}; 'probability', 'logit' or 'label'")
        self.tolerance = 1e-6
        self.signature = f"classifier|linear:{linear.identity}|label:{label}|output:{self._output}|v1"

    def _linear_scores(self, linear: LinearClassifier, texts: Sequence[str]) -> list[float]:
        logits = linear.logits(texts)
        if self._output == "logit":
            return [float(value) for value in logits[:, self._label]]
        if self._output == "label":
            return [float(value) for value in logits.argmax(axis=1) == self._label]
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return [float(value) for value in powers[:, self._label] / powers.sum(axis=1)]

    def __call__(self, episode: Episode) -> float:
        """Returns the score."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the scores of many episodes, in a few passes over texts of similar length."""
        if self._linear is not None:
            return self._linear_scores(self._linear, [episode.text for episode in episodes])
        import torch

        loaded = self._source.load()
        options = {"truncation": True, "max_length": loaded.longest}
        read = [
            loaded.tokenizer(*((e.source, e.text) if self._pair else (e.text,)), **options) for e in episodes
        ]
        rows = [row["input_ids"] or [self._filler(loaded.tokenizer)] for row in read]
        scores = [0.0] * len(rows)
        budget = 1 if loaded.pad is None else _TOKENS  # without padding only one text fits a batch
        for batch in batches([len(row) for row in rows], budget):
            ids, mask = padded([rows[i] for i in batch], loaded.device, loaded.pad or 0)
            inputs = {"input_ids": ids, "attention_mask": mask}
            if "token_type_ids" in read[batch[0]]:
                types = [read[i]["token_type_ids"] for i in batch]
                inputs["token_type_ids"] = padded(types, loaded.device, 0)[0]
            with torch.inference_mode():
                values = self._values(loaded.model(**inputs).logits.float()).tolist()
            for i, value in zip(batch, values, strict=True):
                scores[i] = value
        return scores

    def _values(self, logits: Any) -> Any:
        """Returns the requested output, (n,), from logits (n, labels)."""
        if self._output == "logit":
            return logits[:, self._label]
        if self._output == "label":
            return (logits.argmax(dim=1) == self._label).float()
        return (logits.sigmoid() if self._sigmoid else logits.softmax(dim=1))[:, self._label]

    @staticmethod
    def _filler(tokenizer: Any) -> int:
        """A token for the empty text, where the tokenizer adds none of its own."""
        for token in (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id):
            if token is not None:
                return int(token)
        return 0


def _label(model: str, config: Any, label: str | int | None) -> int:
    names = {int(index): str(name) for index, name in config.id2label.items()}
    if label is None:
        if config.num_labels == 1:
            return 0
        choices = " or ".join(map(repr, names.values()))
        raise ValueError(f"{model!r} has several labels, choose one: label={choices}")
    if isinstance(label, int) and not isinstance(label, bool) and label in names:
        return label
    found = [index for index, name in names.items() if name == label]
    if not found:
        raise ValueError(f"{model!r} has no label {label!r}; it has {', '.join(map(repr, names.values()))}")
    return found[0]
