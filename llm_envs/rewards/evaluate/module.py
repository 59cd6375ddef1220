"""Modules of Hugging Face's `evaluate` as metrics of a whole evaluation, or as rewards of single texts."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from llm_envs.episode import Episode
from llm_envs.rewards.context import RewardContext
from llm_envs.rewards.evaluate.module_source import ModuleSource
from llm_envs.rewards.signatures import option_text

_TEXTS = ("predictions", "data")
_GIVEN = (*_TEXTS, "references", "sources")


class EvaluateModule:
    """A module of `evaluate`: `reward="evaluate:NAME_OR_PATH"`, `metrics=["evaluate:NAME_OR_PATH"]`.

    The agent's texts are its `predictions` (or `data`), and the examples' sources are its `sources`. The
    examples' references are its `references`: all of them if the module takes several, else the first. A
    metric is computed once, over all texts of an evaluation. A reward scores each text by itself. If the
    result is a list with one value per text, one call scores all texts that end together.

    Args:
        module: What follows "evaluate:": a name on the hub, a folder that holds a script of the same name, or
            a script. It is code, and it is run.
        key: The entry of the result that is the score. The default is the only entry, else the entry of the
            module's own name, else "score".
        config_name: As `evaluate.load` takes it.
        revision: The revision of a module on the hub, as `evaluate.load` takes it.
        context: Tells whether there are references.
        **options: Passed to the module's `compute`.
    """

    lazy = True
    version = 1

    def __init__(
        self,
        *,
        module: str,
        key: str | None = None,
        config_name: str | None = None,
        revision: str | None = None,
        context: RewardContext | None = None,
        **options: Any,
    ) -> None:
        for name in options:
            if name in _GIVEN:
                raise ValueError(f"{name!r} is not an option: the episodes supply it")
        self._source = ModuleSource(module, config_name, revision)
        self._key = key
        self._options = options
        self._has_references = context is None or context.has_references
        self._gives_lists: bool | None = None
        given = {
            "key": key,
            **options,
            **({} if config_name is None else {"config_name": config_name}),
        }
        self.signature = "|".join(
            [
                f"evaluate:{self._source.short_name}",
                *(f"{name}:{option_text(given[name])}" for name in sorted(given)),
                f"content:{self._source.identity}",
                f"evaluate {self._source.version}",
                f"v{self.version}",
            ]
        )

    def __call__(self, episode: Episode) -> float:
        """Returns the score of one text."""
        return self.score_batch([episode])[0]

    def score_batch(self, episodes: Sequence[Episode]) -> list[float]:
        """Returns the score of each text by itself."""
        scores: list[float] = []
        if self._gives_lists is None and episodes:
            value = self._value(episodes[:1])
            self._gives_lists = isinstance(value, list)
            scores = value if isinstance(value, list) else [value]
        rest = episodes[len(scores) :]
        if not self._gives_lists:
            return scores + [_first(self._value([episode])) for episode in rest]
        value = self._value(rest) if rest else []
        return scores + (value if isinstance(value, list) else [value])

    def score_corpus(self, episodes: Sequence[Episode]) -> float:
        """Returns the score of all texts together. If the module gives a value per text, it is their mean."""
        value = self._value(episodes)
        if not isinstance(value, list):
            return value
        self._value(episodes[:1])  # fails if the lengths agree by chance (one value per n-gram order)
        return statistics.fmean(value)

    def _value(self, episodes: Sequence[Episode]) -> float | list[float]:
        """Returns the result's number for these texts, or its list of one number per text."""
        module = self._source.load()
        inputs = _inputs(module.features, episodes, has_references=self._has_references)
        try:
            result = module.compute(**inputs, **self._options)
        except Exception:
            self._source.forget()
            raise
        if not isinstance(result, Mapping) or not result:
            raise ValueError(f"module {self._source.name!r} gave {result!r}, which has no entries by name")
        key = self._chosen(result, module.name)
        value = result[key]
        value = value.tolist() if hasattr(value, "tolist") else value
        if isinstance(value, list | tuple) and len(value) == len(episodes):
            return [self._number(one, key) for one in value]
        return self._number(value, key)

    def _chosen(self, result: Mapping[str, Any], own: str) -> str:
        keys = ", ".join(map(repr, result))
        if self._key is not None:
            if self._key not in result:
                raise ValueError(
                    f"the result of module {self._source.name!r} has no {self._key!r}; key= one of {keys}"
                )
            return self._key
        for key in (*(result if len(result) == 1 else ()), own, self._source.short_name, "score"):
            if key in result:
                return key
        raise ValueError(
            f"the result of module {self._source.name!r} has several entries; key= one of {keys}"
        )

    def _number(self, value: Any, key: str) -> float:
        value = value.tolist() if hasattr(value, "tolist") else value
        if not isinstance(value, int | float):
            many = f"{len(value)} values" if isinstance(value, list | tuple) else repr(value)
            raise ValueError(
                f"{key!r} of module {self._source.name!r} is {many}, neither a number nor one for each text; "
                "choose another entry of its result: key="
            )
        return float(value)


def _first(value: float | list[float]) -> float:
    return value[0] if isinstance(value, list) else value


def _inputs(features: Any, episodes: Sequence[Episode], *, has_references: bool) -> dict[str, list[Any]]:
    """Returns the inputs of a module, in the form that its features ask for.

    Args:
        features: A table of name -> type, or a list of such tables to choose from.
        episodes: The finished episodes.
        has_references: True if every example has a reference.

    Raises:
        ValueError: The module needs an input that an episode does not have.
    """
    forms = features if isinstance(features, list) else [features]
    reasons = []
    for form in sorted(forms, key=lambda form: not _takes_several(form.get("references"))):
        reason = _unserved(form, has_references)
        if reason is None:
            return {name: list(_column(name, feature, episodes)) for name, feature in form.items()}
        reasons.append(reason)
    raise ValueError(reasons[0])


def _unserved(form: Mapping[str, Any], has_references: bool) -> str | None:
    """Returns why episodes cannot fill these inputs, or None if they can."""
    for name, feature in form.items():
        if name not in _GIVEN:
            return (
                f"the module asks for {name!r}, and an episode has predictions, references and sources; its "
                f"inputs are {', '.join(form)}"
            )
        inner = _element(feature) if name == "references" and _takes_several(feature) else feature
        if not str(getattr(inner, "dtype", "")).endswith("string"):
            return f"the module asks for {name} of type {feature}, and an episode has texts"
        if name == "references" and not has_references:
            return (
                "the module needs references, and this data set has examples without any; add a references "
                "column or choose another module"
            )
    return None


def _column(name: str, feature: Any, episodes: Iterable[Episode]) -> Iterable[Any]:
    for episode in episodes:
        if name in _TEXTS:
            yield episode.text
        elif name == "sources":
            yield episode.source
        elif not episode.references:
            raise ValueError(f"the module needs references, and the example {episode.source!r} has none")
        else:
            yield list(episode.references) if _takes_several(feature) else episode.references[0]


def _takes_several(feature: Any) -> bool:
    return feature is not None and _element(feature) is not None


def _element(feature: Any) -> Any:
    """Returns the type of a list's elements, or None if the type is not a list."""
    return feature[0] if isinstance(feature, list | tuple) else getattr(feature, "feature", None)
