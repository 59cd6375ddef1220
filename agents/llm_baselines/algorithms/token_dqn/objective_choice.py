"""The objectives by the option `q`, and the options of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from llm_baselines.algorithms.token_dqn.config import TokenDQNConfig
from llm_baselines.algorithms.token_dqn.group import GroupObjective
from llm_baselines.algorithms.token_dqn.head import HeadObjective
from llm_baselines.algorithms.token_dqn.head_network import HeadConfig
from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, LogitsNetwork, ValueNetwork
from llm_baselines.algorithms.token_dqn.objective import Objective
from llm_baselines.algorithms.token_dqn.value import ValueObjective
from llm_baselines.configuration.options import make_config
from llm_baselines.lm.teacher_forcing import Allowed
from llm_envs.lm.model import LanguageModel

_CONFIGS: dict[str, type[TokenDQNConfig]] = {"logits": LogitsConfig, "head": HeadConfig}
_DEFAULT_Q = "logits"
_BEFORE_GROUPS = "gradient_steps"
_RETIRED = frozenset({_BEFORE_GROUPS, "negative_weight"})
"""Options of earlier versions, in the folders they saved."""


def options_only_of(q: str) -> frozenset[str]:
    """Returns the names of the options that no other objective has."""
    shared = {field.name for field in fields(TokenDQNConfig)}
    return frozenset(field.name for field in fields(_CONFIGS[q])) - shared


def make_token_dqn_config(options: Mapping[str, Any], *, elsewhere: Iterable[str] = ()) -> TokenDQNConfig:
    """Returns the configuration of the objective that the option `q` names.

    Args:
        options: Options that differ from its defaults.
        elsewhere: As for `make_config`.

    Raises:
        ValueError: An option is unknown, of another objective, of the wrong type or out of bounds.
    """
    q = options.get("q", _DEFAULT_Q)
    if not isinstance(q, str) or q not in _CONFIGS:
        return make_config(TokenDQNConfig, {"q": q})  # raises, and lists the known values
    for other in _CONFIGS.keys() - {q}:
        for name in options_only_of(other):
            if name in options:
                raise ValueError(
                    f"{name}={options[name]!r}: {name} is an option of q={other!r}; with q={q!r} leave it out"
                )
    return make_config(_CONFIGS[q], options, elsewhere=elsewhere)


def fitting_objective(options: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Returns options without those of the other objectives.

    Args:
        options: From a table or a record.
        chosen: The options whose `q` names the objective.
    """
    q = chosen.get("q", options.get("q", _DEFAULT_Q))
    others = [options_only_of(other) for other in _CONFIGS if other != q]
    gone = _RETIRED.union(*others)
    kept = {k: v for k, v in options.items() if k not in gone}
    if q == "logits" and _BEFORE_GROUPS in options:
        kept = {"baseline": "value", **kept}  # the only one there was
    return {**kept, "q": q} if "q" in options or q != _DEFAULT_Q else kept


def make_objective(
    lm: LanguageModel,
    make_reference: Callable[[], LanguageModel],
    config: TokenDQNConfig,
    *,
    from_prior: bool,
    allowed: Allowed | None,
    takes_examples: bool,
    dense: bool,
) -> Objective:
    """Returns the objective of a configuration.

    Args:
        lm: The language model that is trained.
        make_reference: Makes the frozen language model it starts from.
        config: From `make_token_dqn_config`.
        from_prior: Whether the language model was trained before.
        allowed: Returns the actions that the environment allows; None allows all.
        takes_examples: Whether an example can be played several times.
        dense: Whether rewards come before the end.

    Raises:
        ValueError: baseline="group" in an environment that takes no examples.
    """
    if isinstance(config, HeadConfig):
        return HeadObjective(lm, make_reference, config, from_prior=from_prior, allowed=allowed)
    assert isinstance(config, LogitsConfig)
    if config.baseline == "group" and not takes_examples:
        raise ValueError(
            "baseline='group' compares texts of one example, and this environment takes no examples: leave "
            "it out, or take baseline='value'"
        )
    if config.baseline == "value" or not takes_examples:
        return ValueObjective(ValueNetwork(lm, make_reference(), config), config, allowed)
    by_token = config.credit == "token" or (config.credit == "auto" and dense)
    network = LogitsNetwork(lm, make_reference(), config)
    return GroupObjective(network, config, allowed, by_token=by_token)
