"""From a suite to records: cells, what they resolve to, processes that run them, trained folders."""
