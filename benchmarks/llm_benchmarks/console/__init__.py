"""The terminal: checked input, tables, progress, standard streams, exit statuses."""
