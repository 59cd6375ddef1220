"""The record of one run: its schema, its checks, its folder, the store."""
