"""Where text comes from: bundled corpora, files, the hub; splits and content hashes.

Nothing is read, and no library that reads is imported, before a corpus is used.
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
