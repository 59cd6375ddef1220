"""Language models: which are taken, which are refused, and that padding changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import small_model
from transformers import T5Config, T5ForConditionalGeneration

from llm_baselines.lm.build import PRESETS, build_language_model, choose_device
from llm_envs.lm.model import LanguageModel, model_inputs

V, LENGTH = 11, 20


def build(model, vocabulary_size=V, context_length=LENGTH, **options):
    return build_language_model(
        model, vocabulary_size=vocabulary_size, context_length=context_length, **options
    )


def test_observations_become_ids_masks_and_positions():
    observation = np.array([[-1, -1, 5, 0, 3, -1], [4, 2, 1, -1, -1, -1]], np.int32)
    inputs = model_inputs(observation)
    assert inputs.input_ids.tolist() == [[0, 0, 5, 0, 3, 0], [4, 2, 1, 0, 0, 0]]
    assert inputs.attention_mask.tolist() == [[0, 0, 1, 1, 1, 0], [1, 1, 1, 0, 0, 0]]
    assert inputs.position_ids[0, 2:5].tolist() == [0, 1, 2]
    assert inputs.position_ids[1, :3].tolist() == [0, 1, 2]


@pytest.mark.parametrize("family", ["llama", "gpt2", "qwen2", "mistral"])
@torch.no_grad()
def test_left_padded_equals_unpadded(family):
    lm = build(small_model(family, V))
    rng = np.random.default_rng(0)
    observation = np.full((4, LENGTH), -1, np.int32)
    spans = [(0, 5), (3, 4), (4, 12), (2, 20)]
    for row, (start, stop) in zip(observation, spans, strict=True):
        row[start:stop] = rng.integers(V, size=stop - start)
    together = lm.features(model_inputs(observation))
    for row, features, (start, stop) in zip(observation, together, spans, strict=True):
        alone = lm.features(model_inputs(row[None, start:stop]))
        torch.testing.assert_close(features[start:stop], alone[0], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_logits_and_log_probabilities_are_the_models_own():
    model = small_model("gpt2", V)
    lm = build(model)
    inputs = model_inputs(np.arange(8, dtype=np.int32)[None])
    whole = model(input_ids=inputs.input_ids).logits
    features = lm.features(inputs)
    torch.testing.assert_close(lm.logits(features), whole, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(lm.log_probs(features), whole.log_softmax(-1), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_wider_head_is_cut():
    model = small_model("qwen2", 16)
    lm = build(model)
    inputs = model_inputs(np.arange(8, dtype=np.int32)[None])
    log_probs = lm.log_probs(lm.features(inputs))
    assert log_probs.shape == (1, 8, V)
    wanted = model(input_ids=inputs.input_ids).logits[..., :V].log_softmax(-1)
    torch.testing.assert_close(log_probs, wanted, rtol=1e-4, atol=1e-4)


def test_a_narrower_head_is_an_error():
    with pytest.raises(ValueError, match="head has 9 tokens and the environment 11"):
        build(small_model("llama", 9))


def test_a_context_that_is_too_short_is_an_error():
    for family in ("llama", "gpt2"):
        model = small_model(family, V)
        build(model, context_length=32)
        with pytest.raises(ValueError, match=r"reads 32 tokens and .* hold 33.*max_new_tokens"):
            build(model, context_length=33)


def test_unknown_names_say_the_nearest():
    with pytest.raises(ValueError, match="unknown model 'tinny'; did you mean 'tiny'"):
        build("tinny")
    with pytest.raises(ValueError, match="'nano', 'mini', 'tiny', 'small', folders and hub names"):
        build("something else")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"vocab_size": 3}, "'vocab_size' is no option of a fresh Llama; see transformers' LlamaConfig"),
        ({"num_layers": 1}, "'num_layers' is no option.*did you mean 'num_hidden_layers'"),
        ({"hidden_size": 30, "num_attention_heads": 4}, "no Llama configuration"),
        ({"hidden_size": 12, "num_attention_heads": 4}, "hidden_size / num_attention_heads must be even"),
    ],
)
def test_a_mapping_that_is_no_configuration_is_an_error(options, error):
    with pytest.raises(ValueError, match=error):
        build(options)


def test_a_model_without_a_head_is_an_error():
    with pytest.raises(ValueError, match="LlamaModel has no language-model head"):
        build(small_model("llama", V).base_model)


@pytest.mark.parametrize("size", [1e-3, 1.0])
def test_a_soft_cap_behind_the_head_is_refused_however_small_the_logits(size):
    model = small_model("gemma2", V)
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(size)
    with pytest.raises(ValueError, match="Gemma2ForCausalLM changes its logits after the head"):
        build(model)
    build(small_model("gemma2", V, final_logit_softcapping=None))


def test_a_scale_before_or_behind_the_head_is_refused():
    from small_models import TableModel

    class Scaled(TableModel):
        before, behind = 1.0, 1.0

        def forward(self, **inputs):
            hidden = self.base_model(**inputs).last_hidden_state * self.before
            return type("Output", (), {"logits": self.head(hidden) * self.behind})

    for which in ("before", "behind"):
        model = Scaled([(0,), (0, 1)], V)
        LanguageModel(model, V)
        setattr(model, which, 0.5)
        with pytest.raises(ValueError, match="Scaled changes its logits"):
            LanguageModel(model, V)


def test_presets_depend_on_the_seed_and_not_on_the_global_generator():
    state = torch.get_rng_state()
    first, again, other = (build("nano", seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.identity() == again.identity() != other.identity()


def test_identity_sees_every_bit():
    lm = build("nano")
    before = lm.identity()
    with torch.no_grad():
        next(lm.parameters()).view(-1)[0] += 1e-6
    assert lm.identity() != before


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_has_tied_embeddings_and_reads_the_whole_context(name):
    lm = build(name)
    assert lm.model.get_output_embeddings().weight is lm.model.get_input_embeddings().weight
    assert lm.config.max_position_embeddings == LENGTH
    assert not lm.model.training


def test_a_saved_model_is_loaded_from_its_folder(tmp_path):
    model = small_model("gpt2", V)
    model.save_pretrained(tmp_path / "model")
    assert build(tmp_path / "model").identity() == build(model).identity()
    with pytest.raises(ValueError, match="cannot load the model"):
        build(str(tmp_path))


def test_the_device():
    assert choose_device("cpu") == torch.device("cpu")
    assert choose_device("auto").type in ("cpu", "cuda", "mps")


def test_a_cast_changes_weights_and_leaves_rotary_frequencies():
    lm = LanguageModel(small_model("llama", 9), 9)
    before = {name: buffer.clone() for name, buffer in lm.named_buffers()}
    lm.cast(torch.bfloat16)
    assert {p.dtype for p in lm.parameters()} == {torch.bfloat16}
    assert any("inv_freq" in name for name in before)
    for name, buffer in lm.named_buffers():
        assert torch.equal(buffer, before[name]), name
        assert buffer.dtype == before[name].dtype


def test_an_encoder_decoder_is_no_causal_model():
    config = T5Config(vocab_size=V, d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    with pytest.raises(ValueError, match="T5ForConditionalGeneration reads with one network and writes"):
        build(T5ForConditionalGeneration(config))


def test_weights_that_are_one_number_have_an_identity():
    model = small_model("llama", V)
    model.scale = torch.nn.Parameter(torch.tensor(1.0))
    before = LanguageModel(model, V).identity()
    model.scale.data += 1
    assert LanguageModel(model, V).identity() != before


def test_weights_cut_short_are_named(tmp_path):
    small_model("llama", V).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"cannot load the model .* weights cut short"):
        build(str(tmp_path))


def test_a_model_with_adapters_of_its_own_is_to_be_merged_first(tmp_path):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(task_type="CAUSAL_LM")
    with_adapters = peft.get_peft_model(small_model("llama", V), config)
    with pytest.raises(ValueError, match="merge_and_unload"):
        build(with_adapters)
    build(with_adapters.merge_and_unload())
