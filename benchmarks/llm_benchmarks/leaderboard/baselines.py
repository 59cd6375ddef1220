"""The scores that come with the package: a short form of the committed store, without its records.

`llm-envs leaderboard export` writes the file, `llm-envs leaderboard baselines` shows it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from rich.console import Console
from rich.text import Text

from llm_benchmarks.console.fitting_table import Column, Row, print_table
from llm_benchmarks.console.report import plain, say
from llm_benchmarks.leaderboard.anchors import SCORES
from llm_benchmarks.leaderboard.columns import NOTHING, SCORE, score_text
from llm_benchmarks.leaderboard.tables import Table
from llm_envs.checks.suggestions import did_you_mean
from llm_envs.envs.ids import bare_id

_DIGITS = 6
_COLUMNS = (
    Column("agent", least=14),
    Column(SCORE, least=len(SCORE)),
    Column("seeds", right=True, rank=1),
    Column("steps", right=True, rank=2),
)


def trimmed(tables: Iterable[Table]) -> dict[str, Any]:
    """Returns the rows of a leaderboard that have a score, in a short form.

    Returns:
        "tables": for each its "env", "signature", "dataset", "split", "reward" and "rows". A row has "agent",
        "variant", "score", "interval", "seeds", "steps", and the ids of the "records" it comes from. A single
        seed leaves the interval open: None.
    """
    return {
        "tables": [
            {
                "env": table.env,
                "signature": table.signature,
                "dataset": table.dataset,
                "split": table.evaluation_split,
                "reward": table.evaluation_reward,
                "rows": [
                    {
                        "agent": row.agent,
                        "variant": row.label,
                        "score": round(row.score, _DIGITS),
                        "interval": (
                            None
                            if row.low is None or row.high is None
                            else [round(row.low, _DIGITS), round(row.high, _DIGITS)]
                        ),
                        "seeds": row.seeds,
                        "steps": row.training_steps,
                        "records": list(row.records),
                    }
                    for row in table.rows
                    if row.score is not None
                ],
            }
            for table in tables
        ]
    }


def to_json(trimmed_tables: Mapping[str, Any]) -> str:
    """Returns the text of the file, with one line for each row, so that a diff shows the changed rows."""
    text = ['{"tables": [']
    tables = list(trimmed_tables["tables"])
    for t, table in enumerate(tables):
        head = {name: value for name, value in table.items() if name != "rows"}
        text.append(json.dumps(head)[:-1] + ', "rows": [')
        rows = [json.dumps(row) for row in table["rows"]]
        text += [row + "," * (i + 1 < len(rows)) for i, row in enumerate(rows)]
        text.append("]}" + "," * (t + 1 < len(tables)))
    return "\n".join([*text, "]}", ""])


@cache
def shipped() -> dict[str, Any]:
    """Returns the scores that come with the package, in the form of `trimmed`."""
    text = resources.files(__package__).joinpath(SCORES).read_text(encoding="utf-8")
    scores: dict[str, Any] = json.loads(text)
    return scores


def beside(table: Table) -> str:
    """Returns the best row of each agent that comes with the package and can be compared with a table.

    Such rows have the same environment, data, split and reward. Rows that are in the table are left out.

    Returns:
        One line, such as "from the package: reference 1.000, supervised 0.853 [0.841, 0.866]"; "" for none.
    """
    here = {record for row in table.rows for record in row.records}
    wanted = (table.env, table.signature, table.evaluation_split, table.evaluation_reward)
    best: dict[str, str] = {}
    for known in shipped()["tables"]:
        if (known["env"], known["signature"], known["split"], known["reward"]) != wanted:
            continue
        for row in known["rows"]:  # the best row first
            if here.isdisjoint(row["records"]):
                score = score_text(row["score"], *(row["interval"] or (None, None)))
                best.setdefault(row["agent"], f"{row['agent']} {' '.join(score.split())}")
    if not best:
        return ""
    return f"from the package: {', '.join(best.values())}; `llm-envs leaderboard baselines` has all rows"


def show_baselines(console: Console, env: str | None, json_output: bool) -> None:
    """Prints the scores that come with the package.

    Args:
        console: The console to print to.
        env: Only this environment id.
        json_output: Print JSON.

    Raises:
        ValueError: The package has no scores of this environment.
    """
    known = sorted({table["env"] for table in shipped()["tables"]})
    if env is not None and bare_id(env) not in known:
        near = did_you_mean(bare_id(env), known)
        raise ValueError(f"no baselines of {env!r}{near} there are {', '.join(known)}")
    tables = [t for t in shipped()["tables"] if env is None or t["env"] == bare_id(env)]
    if json_output:
        console.file.write(json.dumps({"tables": tables}, indent=2) + "\n")
        return
    for table in tables:
        say(console, f"{table['env']}  {table['dataset']}, {table['split']} split", "bold")
        say(console, f"  {table['signature']}", "dim")
        rows = [
            Row(
                [
                    plain(row["agent"]),
                    Text(score_text(row["score"], *(row["interval"] or (None, None)))),
                    Text(str(row["seeds"] or NOTHING)),
                    Text(_steps(row)),
                ],
                below=plain(row["variant"], "dim"),
            )
            for row in table["rows"]
        ]
        print_table(console, _COLUMNS, rows, indent=2, all_in="--json has all")
        console.print()


def _steps(row: Mapping[str, Any]) -> str:
    return f"{row['steps']:,.0f}" if row["steps"] else NOTHING
