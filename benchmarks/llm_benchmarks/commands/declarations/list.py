"""`llm-envs list`."""

from __future__ import annotations

from llm_benchmarks.commands.options import Json


def command(json: Json = False) -> None:
    """Lists environments, rewards, corpora and agents."""
    from llm_benchmarks.commands.listing import show

    show(json_output=json)
