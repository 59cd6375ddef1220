"""Cost of TokenDQN's rollouts and updates on a pretrained model with LoRA, as ratios to transformers."""

from __future__ import annotations

import json
import resource
import sys

import numpy as np
import torch

from llm_benchmarks.throughput.comparison_line import ROUNDS, Comparison, in_turn, show
from llm_benchmarks.throughput.works import (
    dqn_update,
    generate_work,
    random_trajectories,
    rollout_work,
    seconds_of,
    supervised_step,
)

PROMPT, ANSWER = 16, 48
BATCHES = (8, 32)
OPENINGS = "openings"


def run(model: str, *, device: str = "auto", json_output: bool = False) -> int:
    """Measures a model and prints the report.

    Args:
        model: A fetched model, a folder or a hub name.
        device: "auto" or a torch device.
        json_output: Print JSON instead of a table.

    Returns:
        Exit status 0.

    Raises:
        ValueError: No such model is found.
    """
    from stable_baselines3.common.utils import get_device

    from llm_baselines.lm.precision import choose_dtype

    place = get_device(device)
    dtype = choose_dtype("auto", place)
    lines = measure(model, place, dtype)
    if json_output:
        print(json.dumps([vars(line) for line in lines], indent=1))
        return 0
    threads = f"{torch.get_num_threads()} thread(s), " if place.type == "cpu" else ""
    show(
        f"model {model!r}, {dtype} on {place}, {threads}texts of {PROMPT} + {ANSWER} tokens; medians of "
        f"{ROUNDS} rounds",
        lines,
    )
    return 0


def measure(model: str, device: torch.device, dtype: str) -> list[Comparison]:
    """Returns three lines for each batch size (rollouts, an update, memory), and one for rounds of training.

    Args:
        model: A folder or a hub name.
        device: A torch device.
        dtype: A key of `llm_baselines.lm.precision.DTYPES`.
    """
    from transformers import AutoConfig

    from llm_baselines.algorithms.token_dqn.group import GroupObjective
    from llm_baselines.algorithms.token_dqn.logits_network import LogitsConfig, LogitsNetwork
    from llm_baselines.lm.adapters import MergedActor, with_lora
    from llm_baselines.lm.build import build_language_model
    from llm_baselines.lm.precision import DTYPES
    from llm_baselines.play.trajectory import collate
    from llm_envs.assets import resolve_model
    from llm_envs.foreign import load_pretrained

    folder = resolve_model(model, causal=True)
    base = build_language_model(
        folder,
        vocabulary_size=load_pretrained(AutoConfig, folder).vocab_size,
        context_length=PROMPT + ANSWER,
        device=device,
        dtype=DTYPES[dtype],
    )
    options = LogitsConfig()
    learner, plain = (with_lora(base, rank=options.lora_rank, alpha=options.lora_alpha) for _ in range(2))
    actor = MergedActor(base, learner).lm
    objective = GroupObjective(LogitsNetwork(learner, base, options), options, by_token=False)
    loaded, lines = _peak_memory(device), []
    for size in BATCHES:
        episodes = random_trajectories(size, PROMPT, ANSWER, base.vocabulary_size)
        prompts = np.array([one.tokens[:PROMPT] for one in episodes])
        lengths, batch = np.full(size, ANSWER), collate(episodes).to(device)
        lines += [
            in_turn(
                f"rollouts with the reference's pass, batch {size}",
                rollout_work(actor, base, prompts, lengths),
                "transformers' generate on the plain model, sampling",
                generate_work(base, prompts, lengths),
                unit="tokens/s",
            ),
            in_turn(
                f"TokenDQN update, q='logits', LoRA, batch {size}",
                seconds_of(dqn_update(objective, batch)),
                "a plain LoRA step on the same batch",
                seconds_of(supervised_step(plain, batch)),
                unit="s",
            ),
        ]
        peak = _peak_memory(device)
        ratio = peak / loaded
        lines.append(
            Comparison(f"peak memory, batch {size}", peak, "models loaded", loaded, ratio, ratio, ratio, "MB")
        )
    return [*lines, _training(model, folder, str(device))]


def _training(model: str, folder: str, device: str) -> Comparison:
    """Compares whole rounds of training on openings with `generate` and plain LoRA steps."""
    import gymnasium as gym

    from llm_benchmarks.throughput import end_to_end

    env = gym.make(
        "llm_envs:TextGen-v0",
        dataset=OPENINGS,
        tokenizer={"id": f"hf:{folder}", "separator": "", "bos": False},
        reward="sentiment",
        max_prompt_tokens=PROMPT,
        max_new_tokens=20,
    )
    config = {"model": folder, "adapter": "lora", "n_envs": BATCHES[-1], "batch_size": BATCHES[-1]}
    name = f"TokenDQN's training on openings, model {model!r}, a round of {BATCHES[-1]} texts"
    return end_to_end.measure(name, env, config, device=device)


def _peak_memory(device: torch.device) -> float:
    """Returns the peak memory of this process in MB: GPU memory on a GPU, else resident memory."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
