"""Small modules for Hugging Face's `evaluate`, written into folders as people write their own."""

from __future__ import annotations

from pathlib import Path

TEXTS = '"predictions": datasets.Value("string")'
SEVERAL = '"references": datasets.Sequence(datasets.Value("string"))'
ONE = '"references": datasets.Value("string")'
SOURCES = '"sources": datasets.Value("string")'

_SCRIPT = """
import datasets
import evaluate
import numpy
import sacrebleu

{before}

class Module(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features={features})

    def _compute(self, {arguments}):
        {body}
"""


def features(*inputs: str) -> str:
    return "datasets.Features({" + ", ".join(inputs) + "})"


def script(
    folder: Path,
    name: str,
    body: str,
    arguments: str = "predictions",
    inputs: str = features(TEXTS),
    before: str = "",
) -> str:
    """Writes FOLDER/NAME/NAME.py.

    Returns:
        What names it as a reward or a metric.
    """
    (folder / name).mkdir(exist_ok=True)
    text = _SCRIPT.format(before=before, features=inputs, arguments=arguments, body=body)
    (folder / name / f"{name}.py").write_text(text)
    return f"evaluate:{folder / name}"


def corpus_bleu(folder: Path) -> str:
    """sacrebleu's corpus BLEU, as the module of the hub of that name calls it."""
    return script(
        folder,
        "corpus_bleu",
        "bleu = sacrebleu.corpus_bleu(predictions, list(zip(*references)), lowercase=lowercase)\n"
        '        return {"score": bleu.score, "precisions": bleu.precisions, "sys_len": bleu.sys_len}',
        "predictions, references, lowercase=False",
        f"[{features(TEXTS, ONE)}, {features(TEXTS, SEVERAL)}]",
    )


def corpus_chrf(folder: Path) -> str:
    """sacrebleu's corpus chrF."""
    return script(
        folder,
        "corpus_chrf",
        'return {"score": sacrebleu.corpus_chrf(predictions, list(zip(*references))).score}',
        "predictions, references",
        features(TEXTS, SEVERAL),
    )


def lengths(folder: Path) -> str:
    """A list of one number for each text, and the number of calls so far."""
    return script(
        folder,
        "lengths",
        'self.calls = getattr(self, "calls", 0) + 1\n'
        "        numbers = [numpy.float32(len(text)) for text in predictions]\n"
        '        return {"lengths": numbers, "calls": self.calls, "texts": len(numbers)}',
    )
