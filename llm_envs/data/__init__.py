"""Data sets: bundled corpora, files and the hub, with their splits and content hashes.

A corpus is read when it is first used. The libraries that read it are imported then.
"""

from llm_envs.data.catalogue import list_corpora, load_corpus, register_corpus
from llm_envs.data.corpus import SPLITS, Contents, Corpus
from llm_envs.data.errors import DataError, DataWarning
from llm_envs.data.overlap import overlap_report

__all__ = [
    "SPLITS",
    "Contents",
    "Corpus",
    "DataError",
    "DataWarning",
    "list_corpora",
    "load_corpus",
    "overlap_report",
    "register_corpus",
]
