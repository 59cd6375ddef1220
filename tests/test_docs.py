"""The documentation: links lead somewhere, code runs, pages are as short as they promise."""

from __future__ import annotations

import re
import runpy
import shlex
import shutil
import signal
from itertools import product
from pathlib import Path

import pytest
from byte_models import TURNS, save_byte_model
from pages import (
    ROOT,
    blocks,
    is_recorded,
    markdown_files,
    python_block,
    read,
    run,
    run_alone,
    run_page,
    shown_numbers,
)
from rated import RateProcess, post

import llm_envs
from llm_benchmarks.run.suite import load_suite
from llm_envs.rewards import RewardContext, make_reward

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
FIVE_IDS = (
    *("Translation-EnZh-v0", "Translation-EnIt-v0", "Dialogue-Chat-v0"),
    *("TextGen-Script-v0", "TextGen-Code-v0"),
)
RUN_ALONE = [
    "docs/use.md",
    *(f"docs/agents/{name}.md" for name in ("stable_baselines3", "token_dqn", "rloo", "top_k")),
]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    broken = []
    for target in _LINK.findall(_CODE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        found = linked.exists() and (not anchor or anchor in anchors(linked))
        if not found:
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", markdown_files(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_anchors_of_every_page_resolve(page):
    assert broken_links(page) == []


def test_a_missing_anchor_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One heading\n[here](#one-heading) [there](#another) [gone](gone.md)\n")
    assert broken_links(page) == ["#another", "gone.md"]


def test_every_page_is_linked_from_another_page():
    pages = markdown_files()
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in pages
        for target in _LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and target.partition("#")[0]
    }
    assert {page for page in pages if page.resolve() not in linked} <= {ROOT / "README.md"}


def test_the_environment_page_works_from_top_to_bottom(tmp_path):
    page = "docs/extend/environment.md"
    words = ("one", "two", "three", "four", "five", "six", "seven")
    pairs = [f"{a} {b},{b} {a}" for a in words for b in words if a != b]
    (tmp_path / "mine.csv").write_text("source,references\n" + "\n".join(pairs) + "\n")
    printed = run_page(page, tmp_path)
    assert "\n1.0\n" in printed
    table = printed.partition("MyDeEn-v0 ")[2]
    assert "random" in table
    assert "ended by" in printed  # an end of input ends the text in `play`


def test_the_reward_page_works_from_top_to_bottom(tmp_path):
    printed = run_page("docs/extend/reward.md", tmp_path)
    assert "\n1.0\n" in printed
    assert "TextGen-v0" in printed


def test_the_page_about_composition_works_from_top_to_bottom(tmp_path):
    printed = run_page("docs/rewards/compose.md", tmp_path)
    line, table = [text for text in printed.splitlines() if "gate(" in text]
    assert line == table
    assert "8 held-out rows accuracy" in printed
    assert printed.rstrip().endswith("True")
    suite = load_suite(tmp_path / "my_suite.toml")
    specs = [make_reward(cell.reward, RewardContext(language="de")).signature for cell in suite.cells]
    assert specs[0] == specs[1]


def test_the_page_about_submissions_works_from_top_to_bottom(tmp_path):
    shutil.copy(ROOT / "agents" / "template" / "my_agent.py", tmp_path)
    printed = run_page("docs/submit.md", tmp_path)
    assert "re-evaluated holds" in printed
    assert "none fails" in printed
    assert "V3" in printed
    assert "my_agent" in printed.rpartition("TextGen-Tiny-v0")[2]
    assert "my_agent:make_agent" in (tmp_path / "board.html").read_text(encoding="utf-8")


def test_the_page_about_people_works_from_top_to_bottom(tmp_path):
    page = "docs/rewards/people.md"
    (tmp_path / "texts.py").write_text(python_block(page, "# texts.py"))
    run("import runpy; runpy.run_path('texts.py')", tmp_path)
    (line,) = [code for language, code in blocks(page) if language == "sh" and "texts.jsonl" in code]
    server = RateProcess(tmp_path, *shlex.split(line)[2:])
    question = post(server.address, "question", {"rater": "Ana"})
    while question["item"] is not None:
        kind = [("dear" in text) + ("ready" in text) - ("away" in text) for text in question["texts"]]
        choice = "left" if kind[0] > kind[1] else "right" if kind[1] > kind[0] else "tie"
        answer = {"rater": "Ana", "item": question["item"], "choice": choice, "seconds": 1}
        question = post(server.address, "answer", answer)
    assert server.end(signal.SIGTERM) == 0
    printed = run_page(page, tmp_path)
    assert "answers of 1 rater to" in printed
    assert "held-out accuracy" in printed
    assert printed.rstrip().endswith("True")


def test_the_agent_page_works_from_top_to_bottom(tmp_path):
    shutil.copy(ROOT / "agents" / "template" / "my_agent.py", tmp_path)
    printed = run_page("docs/extend/agent.md", tmp_path)
    assert printed.rstrip().endswith("1.0")
    assert "my_agent" in printed.partition("TextGen-Tiny-v0 ")[2]


def test_the_record_page_works_from_top_to_bottom(tmp_path):
    printed = run_page("docs/extend/record.md", tmp_path)
    assert "my_dqn: trained on chrf, paid at the end" in printed


def test_the_page_about_suites_works_from_top_to_bottom(tmp_path):
    printed = run_page("docs/suites.md", tmp_path)
    assert printed.count("1 in other shards") == 2
    assert "2 copied to 'all'" in printed
    assert "reference" in printed.partition("2 copied")[2]


def test_the_page_about_other_libraries_works_from_top_to_bottom(tmp_path):
    save_byte_model(tmp_path / "my-model", chat_template=TURNS)
    printed = run_page("docs/trainers.md", tmp_path)
    assert "\nThe movie felt\n" in printed
    assert "lm_sample" in printed.partition("TextGen-v0 openings")[2]
    assert re.search(r"^50 \d+\nTrue\n", printed, re.MULTILINE)
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        path.name for path in (tmp_path / "trained").iterdir()
    }


def test_the_data_page_works_from_top_to_bottom(tmp_path):
    assert "plus one" in run_page("docs/data.md", tmp_path)


@pytest.mark.parametrize(
    ("page", "code"),
    [
        pytest.param(page, code, id=f"{page}-{index}")
        for page in RUN_ALONE
        for index, (language, code) in enumerate(blocks(page))
        if language == "python"
    ],
)
def test_each_snippet_runs_by_itself_and_prints_its_result(page, code):
    assert run_alone(code).strip() != ""


def test_a_rendered_frame_has_the_size_that_is_written():
    assert "(480, 640, 3)" in run_alone(python_block("docs/use.md", "rgb_array"))
    assert "(480, 640, 3)" in read("docs/use.md")


def test_the_tokens_of_a_text_are_coloured_by_the_q_of_an_agent():
    assert int(run_alone(python_block("docs/use.md", "token_values("))) > 1


def test_the_features_extractor_works_with_stock_dqn():
    code = python_block("docs/agents/stable_baselines3.md", "TokenFeaturesExtractor")
    assert 0 <= float(run_alone(code)) <= 1


def test_token_dqn_learns_on_an_environment_written_by_its_reader():
    code = python_block("docs/agents/token_dqn.md", "class Parrot")
    assert run_alone(code).strip() == "[1, 2, 3, 4]"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("README.md", 'make_agent("sb3_dqn"'),
        ("docs/agents/token_dqn.md", "supervised=start"),
        ("docs/agents/top_k.md", "TopKActions("),
        ("docs/agents/stable_baselines3.md", "TokenFeaturesExtractor"),
    ],
)
def test_a_snippet_that_trains_is_seeded(page, words):
    code = python_block(page, words)
    trainings = len(re.findall(r"(DQN|make_agent)\(", code)) - code.count('make_agent("my_dqn"')
    assert trainings == code.count("seed=0")


def test_the_drawing_shows_what_the_code_does():
    script = ROOT / "docs" / "figures" / "episode.py"
    assert runpy.run_path(str(script))["draw"]() == script.with_suffix(".svg").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "env_id", "rows"),
    [
        ("translation", "Translation-v0", 8),
        ("text", "TextGen-v0", 6),
        ("dialogue", "Dialogue-v0", 8),
        ("from_scratch", "Translation-v0", 3),
    ],
)
def test_the_scores_of_a_results_page_are_those_of_the_records(page, env_id, rows):
    checked = 0
    for agent, rest in re.findall(
        r"^\| `(\w+)`[^|]* \| (.+) \|$", read(f"docs/results/{page}.md"), re.MULTILINE
    ):
        numbers = next(filter(None, map(shown_numbers, rest.split(" | "))))
        assert is_recorded(env_id, agent, numbers), (agent, numbers)
        checked += 1
    assert checked == rows


def test_the_page_of_several_ids_has_the_scores_of_the_records():
    checked = []
    table = read("docs/results/others.md")
    for env_id, agent, rest in re.findall(
        r"^\| `(\w[\w-]*-v0)` \| `(\w+)`[^|]* \| (.+) \|$", table, re.MULTILINE
    ):
        numbers = next(filter(None, map(shown_numbers, rest.split(" | "))))
        assert is_recorded(env_id, agent, numbers), (env_id, agent, numbers)
        checked.append((env_id, agent))
    assert len(checked) == table.count("\n| `")
    trained = product(FIVE_IDS, ("supervised", "token_dqn", "sb3_dqn"))
    assert set(checked) >= {*trained, *product(FIVE_IDS, ("reference", "random"))}


def test_every_id_has_a_page_under_its_name():
    for env_id in llm_envs.list_envs():
        assert read(f"docs/envs/{env_id}.md").startswith(f"# {env_id}\n")
        assert f"envs/{env_id}.md" in read("docs/index.md")
