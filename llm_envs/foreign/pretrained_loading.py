"""transformers' `from_pretrained` on foreign folders and hub names, without running their code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llm_envs.foreign.trust import UntrustedCode


def load_pretrained(kind: Any, place: str, **options: Any) -> Any:
    """Calls `kind.from_pretrained(place, **options)` without code from the folder or repository.

    Args:
        kind: An Auto class of transformers.
        place: A folder or a hub name.
        **options: Arguments of `from_pretrained`.

    Raises:
        UntrustedCode: The model needs code of its own (`auto_map`), or names a kernel.
        OSError: As `from_pretrained`.
        ValueError: As `from_pretrained`.
    """
    from transformers import AutoConfig

    try:
        if hasattr(kind, "_model_mapping") and "gguf_file" not in options:
            refuse_kernels(AutoConfig.from_pretrained(place, trust_remote_code=False), place)
        return kind.from_pretrained(place, trust_remote_code=False, **options)
    except UntrustedCode:
        raise
    except ValueError as error:
        if "trust_remote_code" not in str(error):
            raise
        raise UntrustedCode(
            f"'{place}' brings Python code of its own (auto_map), which is not run; "
            "only classes of transformers itself are loaded"
        ) from None


def refuse_kernels(config: Any, place: object) -> None:
    """Raises if a model configuration names a kernel to download, because a kernel is code.

    Args:
        config: A transformers configuration.
        place: Where it comes from, for the error.

    Raises:
        UntrustedCode: The configuration names a kernel.
    """
    for part in _parts(config):
        for name in ("_attn_implementation", "_experts_implementation"):
            asked = getattr(part, name, None)
            if isinstance(asked, str) and ("/" in asked or ":" in asked):
                raise UntrustedCode(
                    f"'{place}' asks for the kernel {name[1:]}={asked!r}, which is code", asked
                )


def _parts(config: Any) -> Iterator[Any]:
    yield config
    for name in getattr(config, "sub_configs", None) or ():
        inner = getattr(config, name, None)
        if inner is not None:
            yield from _parts(inner)
