"""The terminal: input that is checked, tables, progress, streams, exit statuses."""
