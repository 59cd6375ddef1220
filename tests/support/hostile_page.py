"""A store whose every text tries to become markup, script or a directive of the page."""

from __future__ import annotations

import made_up

from llm_benchmarks.records.store import RecordStore

ATTACKS = (
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "\"><svg onload=document.title='owned'>",
    "' onfocus='document.title=1' autofocus='",
    "<!-- <script> --> {{ 7 * 7 }} {% raw %}",
    "</style><style>body{display:none}</style>",
    "<a href=\"javascript:document.title='owned'\">x</a>",
    "<iframe srcdoc='<script>parent.document.title=1</script>'></iframe>",
    "&lt;b&gt; &#60;i&#62; \u2028 \u202e]]>",
)


def fill(store: RecordStore) -> None:
    """Writes a record for each attack: in names, labels, options, sources, texts and metrics."""
    for i, attack in enumerate(ATTACKS):
        for seed in (1, 2, 3):
            record, rows = made_up.run(
                f"{attack} {i}",
                seed,
                [0.1 * seed, 0.2, 0.3, 0.01 * i],
                variant=f"variant {attack}",
                experiment=f"experiment {attack}",
                config={"an option": attack},
                curve=[{"timesteps": t, "seconds": 1.0 * t, "eval/mean_reward": 0.1 * t} for t in (1, 2)],
            )
            for row in rows:
                row |= {"source": f"source {attack}", "text": f"text {attack}"}
                row["metrics"] = {f"metric {attack}": 0.5}
                row["reward_components"] = {f"part {attack}": row["reward"]}
            record["results"] = made_up.summarize(rows)
            store.write(made_up.identified(record), rows)
