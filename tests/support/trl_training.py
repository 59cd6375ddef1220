"""Short trainings with TRL, and a reward that random bytes earn in part."""

from __future__ import annotations

import torch
from transformers import AutoModelForCausalLM


def letters(episode):
    """A reward that random bytes earn in part: the share of ASCII letters."""
    return sum(char.isascii() and char.isalpha() for char in episode.text) / max(1, len(episode.text))


def trained(trainer, config, task, tmp_path, **arguments):
    """Trains for three steps; returns the trainer and how far the weights moved."""
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_pretrained(task.model)
    before = {name: value.clone() for name, value in network.named_parameters()}
    running = trainer(
        model=network,
        processing_class=task.processing_class,
        train_dataset=task.train_dataset,
        args=config(
            output_dir=str(tmp_path / "trainer"),
            per_device_train_batch_size=8,
            num_generations=4,
            max_steps=3,
            learning_rate=1e-2,
            report_to=[],
            save_strategy="no",
            logging_steps=1,
            use_cpu=True,
            bf16=False,
            disable_tqdm=True,
            seed=1,
            **task.config,
        ),
        **arguments,
    )
    running.train()
    moved = max(
        float((value.detach() - before[name]).abs().max()) for name, value in network.named_parameters()
    )
    return running, moved
