"""Configurations: typed options with help and bounds, and the table of options for each environment id."""

from llm_baselines.configuration.options import (
    changed,
    check_values,
    make_config,
    option,
    options_of,
    recorded_values,
    values_of,
)

__all__ = [
    "changed",
    "check_values",
    "make_config",
    "option",
    "options_of",
    "recorded_values",
    "values_of",
]
