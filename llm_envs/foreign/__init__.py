"""Data from other people: files that are read without trusting them, and their texts on a terminal.

What a person types, their suites and their Python code are their own. The content of a store, of an agent,
model or tokenizer folder, of a checkpoint or of a data file is foreign. It is bounded data, and names no
code.
"""

from llm_envs.foreign.bounded_json import ForeignDataError, check_bounded, parse_json, read_json, read_text
from llm_envs.foreign.pretrained_loading import load_pretrained, refuse_kernels
from llm_envs.foreign.shown import shown, shown_lines
from llm_envs.foreign.trust import (
    EVALUATE,
    UntrustedCode,
    allowed_code,
    allowing_code,
    code_names,
    is_evaluate_module,
    load_code,
    refuse_code,
)

__all__ = [
    "EVALUATE",
    "ForeignDataError",
    "UntrustedCode",
    "allowed_code",
    "allowing_code",
    "check_bounded",
    "code_names",
    "is_evaluate_module",
    "load_code",
    "load_pretrained",
    "parse_json",
    "read_json",
    "read_text",
    "refuse_code",
    "refuse_kernels",
    "shown",
    "shown_lines",
]
