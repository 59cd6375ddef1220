"""The reward `preference`: its numbers, its folder, and folders of somebody else."""

from __future__ import annotations

import json
import math
import pickle
import subprocess
import sys

import pytest
from small_preferences import made
from small_scorers import save_model

from llm_benchmarks.rewards.comparison_features import Comparison
from llm_benchmarks.rewards.fit_preferences import fit_preferences
from llm_envs.episode import Episode, Example
from llm_envs.foreign import refuse_code
from llm_envs.rewards import make_reward
from llm_envs.rewards.linear_classifier import features_of
from llm_envs.rewards.preference_features import FORM, form_of
from llm_envs.rewards.preference_model import read_preference_model
from llm_envs.rewards.pretrained import TOLERANCE

SEA = next(iter(features_of("sea").items()))


def on(text, source="about the sea"):
    return Episode(Example(source), text)


@pytest.fixture
def folder(tmp_path):
    made(facts={"accuracy": 0.8}).save(tmp_path / "liked")
    return tmp_path / "liked"


def test_the_score_is_worked_out_by_hand(folder):
    logit = make_reward({"id": f"preference:{folder}", "output": "logit"})
    expected = 0.5 * math.log1p(1) + 2.0 * len(features_of("sea")) * SEA[1]
    assert logit(on("sea")) == pytest.approx(expected, abs=1e-9)
    assert logit(on("")) == 0.0
    rate = make_reward(f"preference:{folder}")
    chances = [1 / (1 + math.exp(-(expected - rival))) for rival in (-1.0, 1.0)]
    assert rate(on("sea")) == pytest.approx(sum(chances) / 2, abs=1e-9)
    assert rate.components(on("sea")) == {"preference:liked": rate(on("sea"))}
    assert rate.score_batch([on("sea"), on("")])[0] == pytest.approx([rate(on("sea")), rate(on(""))])
    assert pickle.loads(pickle.dumps(rate))(on("sea")) == rate(on("sea"))


def test_huge_scores_stay_within_0_and_1(tmp_path):
    made(words=(1e5,) * len(made().places)).save(tmp_path / "steep")
    assert make_reward(f"preference:{tmp_path / 'steep'}")(on("sea")) == pytest.approx(1.0)


def test_the_signature_is_that_of_the_numbers_and_not_of_the_place(folder, tmp_path):
    made().save(tmp_path / "elsewhere")  # other facts, the same numbers
    first, other = (make_reward(f"preference:{place}") for place in (folder, tmp_path / "elsewhere"))
    assert first.signature == other.signature
    assert str(folder) not in first.signature
    made(rivals=(0.0, 1.0)).save(tmp_path / "third")
    assert make_reward(f"preference:{tmp_path / 'third'}").signature != first.signature
    logit = make_reward({"id": "preference", "model": str(folder), "output": "logit"})
    assert logit.signature != first.signature


def test_the_reward_needs_no_torch(folder):
    code = f"""
import sys
from llm_envs.rewards import make_reward
from llm_envs.episode import Episode, Example
print(0 < make_reward("preference:{folder}")(Episode(Example(""), "sea")) < 1)
print([m for m in ("torch", "transformers", "scipy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True\n[]\n", done.stderr


def test_the_form_of_a_text_is_what_its_names_say():
    form = dict(zip(FORM, form_of("rain: bell", "The rain, the rain?\nA bell!"), strict=True))
    assert form["length"] == pytest.approx(math.log(7))
    assert form["length squared"] == pytest.approx(math.log(7) ** 2)
    assert form["lines"] == pytest.approx(math.log(3))
    assert form["letters a word"] == pytest.approx(19 / 6)
    assert form["different words"] == pytest.approx(4 / 6)
    assert form["repeated pairs"] == pytest.approx(1 / 5)
    assert form["signs a word"] == pytest.approx(3 / 6)
    assert form["question marks"] == form["exclamation marks"] == pytest.approx(math.log(2))
    assert form["ends with a sign"] == 1.0
    assert form["words of the prompt"] == 1.0
    assert form["words from the prompt"] == pytest.approx(3 / 6)
    assert form["empty"] == 0.0
    assert form_of("", "")[FORM.index("empty")] == 1.0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"output": "score"}, "unknown output='score'; 'win_rate' or 'logit'"),
        ({"model": "another"}, "its id already names the model"),
        ({"label": "x"}, "has no option 'label'"),
    ],
)
def test_options_that_do_not_fit_are_named(folder, options, said):
    with pytest.raises(ValueError, match=said):
        make_reward({"id": f"preference:{folder}", **options})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "other"}, "is no preference-model of format 1"),
        ({"format": 2}, "is no preference-model of format 1"),
        ({"form": [1.0]}, "form needs the measures length"),
        ({"form": {**dict.fromkeys(FORM, 0.0), "empty": "x"}}, "form is a list of finite numbers"),
        ({"places": [5, 4]}, "places is a rising list"),
        ({"places": [1 << 20]}, "places is a rising list"),
        ({"words": [1.0]}, "words has 1 numbers"),
        ({"words": [1e9]}, "words is a list of finite numbers"),
        ({"rivals": []}, "rivals needs a number"),
        ({"states": [1.0]}, "rivals needs a number, and states"),
        ({"lm": {"name": "x"}}, "lm is null, or has the texts"),
        ({"rivals": [0.0, 2.0]}, "identity is not that of its numbers: the file was altered"),
    ],
)
def test_a_damaged_or_altered_folder_is_named(folder, change, said):
    facts = json.loads((folder / "preference.json").read_text())
    (folder / "preference.json").write_text(json.dumps({**facts, **change}))
    with pytest.raises(ValueError, match=said):
        make_reward(f"preference:{folder}")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"kind": NaN}', b"[" * 10_000])
def test_what_is_no_json_of_this_kind_is_named(folder, content):
    (folder / "preference.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"preference\.json"):
        make_reward(f"preference:{folder}")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="fit-preferences` writes such a folder"):
        make_reward(f"preference:{tmp_path / 'none'}")


def test_a_record_may_name_it_because_nothing_of_it_runs(folder):
    refuse_code({"reward": f"preference:{folder}", "other": "preference:mine"}, "record")


def test_a_saved_model_is_read_again(folder):
    assert read_preference_model(str(folder)) == made()
    assert read_preference_model(str(folder)).facts["accuracy"] == 0.8
    assert [path.name for path in folder.iterdir()] == ["preference.json"]


def test_states_of_a_language_model_are_features(tmp_path):
    """Texts of two letters; the better one is told by its last letters alone."""
    lm = str(save_model(tmp_path / "lm", "encoder", "bert"))
    rows = [
        Comparison(f"p{k}", f"{word} boat", f"{word} sea", 1.0)
        for k in range(6)
        for word in ("a", "the", "one", "some", "9")
    ]
    plain, fitted = fit_preferences(rows), fit_preferences(rows, lm=lm)
    assert fitted.model.lm[0] == lm
    assert any(fitted.model.states)
    fitted.model.save(tmp_path / "liked")
    reward = make_reward({"id": f"preference:{tmp_path / 'liked'}", "output": "logit"})
    both, alone = reward.score_batch([on("a boat"), on("a sea"), on("")])[0], reward(on("a boat"))
    assert both[0] == pytest.approx(alone, abs=TOLERANCE)
    assert both[0] > both[1]
    assert plain.model.identity != fitted.model.identity
    other = save_model(tmp_path / "lm", "encoder", "bert", num_hidden_layers=1)
    assert str(other) == lm
    with pytest.raises(ValueError, match="was fitted with another language model of the name"):
        make_reward(f"preference:{tmp_path / 'liked'}")
