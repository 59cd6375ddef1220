"""Trains SmolLM2-135M on openings with TRL's RLOOTrainer: the comparison of docs/results/pretrained.md.

    pip install 'llm-envs[agents,trl]'
    llm-envs fetch smollm2-135m
    python benchmarks/trl_rloo.py --seed 1 --completions 1280 --out runs/trl-1
    llm-envs evaluate --env TextGen-v0 --agent lm_sample --set model=runs/trl-1 --set top_k=50 --seed 1 ...

Prompts, reward, LoRA, temperature and texts a step are those of suites/pretrained.toml. The model that is
written has its adapter merged, so that `lm_sample` evaluates it as any other.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

import llm_envs
from llm_baselines.lm.adapters import TARGET_MODULES
from llm_baselines.lm.precision import DTYPES, choose_dtype

MODEL = "smollm2-135m"
ENVIRONMENT = {
    "dataset": "openings",
    "tokenizer": {"id": f"hf:{MODEL}", "separator": "", "bos": False},
    "max_prompt_tokens": 16,
    "max_new_tokens": 20,
}


def train(
    seed: int, completions: int, batch: int, learning_rate: float, beta: float, out: Path, scratch: Path
) -> dict[str, Any]:
    """Trains for a number of completions and writes the merged model to `out`.

    The trainer itself writes to `scratch`.

    Returns:
        What it took: completions, steps and seconds, and the mean reward of each step.
    """
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM
    from trl import RLOOConfig, RLOOTrainer

    task = llm_envs.adapters.trl("TextGen-v0", **ENVIRONMENT)
    dtype = DTYPES[choose_dtype("auto", torch.device("cpu"))]
    model = AutoModelForCausalLM.from_pretrained(task.model, dtype=dtype)
    steps = completions // batch
    trainer = RLOOTrainer(
        model=model,
        reward_funcs=task.reward_funcs,
        processing_class=task.processing_class,
        train_dataset=task.train_dataset,
        peft_config=LoraConfig(
            r=16, lora_alpha=32, target_modules=list(TARGET_MODULES["llama"]), task_type="CAUSAL_LM"
        ),
        args=RLOOConfig(
            output_dir=str(scratch),
            per_device_train_batch_size=batch,
            num_generations=4,
            **task.config,
            temperature=1.0,
            top_k=50,
            learning_rate=learning_rate,
            beta=beta,
            max_steps=steps,
            seed=seed,
            bf16=False,
            gradient_checkpointing=False,
            use_cpu=not torch.cuda.is_available(),
            report_to=[],
            save_strategy="no",
            logging_steps=1,
        ),
    )
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    merged = trainer.model.merge_and_unload()
    merged.save_pretrained(out)
    task.processing_class.save_pretrained(out)
    rewards = [round(entry["reward"], 3) for entry in trainer.state.log_history if "reward" in entry]
    return {"completions": steps * batch, "steps": steps, "seconds": round(seconds, 1), "rewards": rewards}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--completions", type=int, default=1280)
    parser.add_argument("--batch", type=int, default=32, help="completions of a step")
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--beta", type=float, default=0.05)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        took = train(**vars(given), scratch=Path(scratch))
    (given.out / "trl.json").write_text(json.dumps({**vars(given), **took, "out": str(given.out)}, indent=1))
    print(took)
