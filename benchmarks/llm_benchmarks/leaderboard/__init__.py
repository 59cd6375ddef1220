"""From records to tables, intervals, comparisons and curves."""
