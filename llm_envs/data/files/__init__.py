"""A user's data: csv, tsv, jsonl and parquet files, and data sets of the Hugging Face hub."""
