"""Code is named by people; what a file names is refused unless a person allows it."""

from __future__ import annotations

import pytest

from llm_envs.foreign import UntrustedCode, allowing_code, code_names, load_code, refuse_code


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"reward": "subprocess:Popen"}, "reward"),
        ({"reward": {"id": "subprocess:Popen", "args": ["sh"]}}, "reward.id"),
        ({"reward": {"subprocess:Popen": 1.0}}, "reward.subprocess:Popen"),
        ({"reward": [{"id": "product", "rewards": [{"id": "os.path:join"}]}]}, "reward.0.rewards.0.id"),
        ({"metrics": ["bleu", "módulo:función.inner"]}, "metrics.1"),
        ({"metrics": ["default", "evaluate:bleu"]}, "metrics.1"),
        ({"reward": {"id": "evaluate:../my metrics/mine", "key": "score"}}, "reward.id"),
        ({"reward": {"id": "trl:my_rewards:concise", "weight": 1.0}}, "reward.id"),
        ({"reward": {"id": "http:https://example.org/score?a=b"}}, "reward.id"),
        ({"metrics": ["unit_tests"]}, "metrics.0"),
        (
            {"reward": [{"id": "product", "rewards": {"evaluate:somebody/mine.py": 1}}]},
            "reward.0.rewards.evaluate:",
        ),
    ],
)
def test_code_is_refused_wherever_a_file_names_it(value, path):
    with pytest.raises(UntrustedCode, match="--allow-code") as raised:
        refuse_code(value, "agent.json")
    assert f"{path}=" in str(raised.value) or path.endswith(":")
    assert f", {path}" in str(raised.value)
    with allowing_code([raised.value.name]):
        refuse_code(value, "agent.json")
    with pytest.raises(UntrustedCode):
        refuse_code(value, "agent.json")


@pytest.mark.parametrize(
    "value",
    [
        {
            "reward": "classifier:my_folder",
            "other": "preference:liked",
            "page": "https://example.org",
            "text": "http: a protocol",
        },
        {"dataset": "file:mine", "tokenizer": "hf:gpt2", "reward": {"id": "bleu", "weight": 1.0}},
        {"tokenizer": "word:500", "at": "2026-11-30T02:21:39", "text": "He said: come."},
        {"signature": "mine:reward|target:sea|v1", "steps": 3, "none": None},
        {"signature": "evaluate:bleu|key:null|content:0123456789abcdef|evaluate 0.4.6|v1", "a": "evaluate:"},
    ],
)
def test_data_schemes_texts_and_signatures_name_no_code(value):
    assert list(code_names(value)) == []


@pytest.mark.parametrize("name", ["file:load", "hf:x", "word:count", "classifier:mine", "preference:mine"])
def test_a_data_scheme_is_never_imported(name, tmp_path, monkeypatch):
    (tmp_path / f"{name.partition(':')[0]}.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="scheme"):
        load_code(name, "reward")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("json:dumbs", "did you mean 'dumps'"),
        ("no_such_module:name", "no module 'no_such_module'"),
        ("json:decoder", "not a function or class"),
        ("json", "package.module:name"),
        ("json:", "package.module:name"),
        ("../json:dumps", "package.module:name"),
    ],
)
def test_errors_name_what_is_wrong_with_a_name(name, message):
    with pytest.raises(ValueError, match=message):
        load_code(name, "reward")


def test_evaluate_modules_are_no_agents():
    with pytest.raises(ValueError, match="that is a reward or a metric, and nothing else"):
        load_code("evaluate:load", "agent")


def test_nested_names_are_found():
    assert load_code("json:JSONDecoder.decode", "agent").__name__ == "decode"
