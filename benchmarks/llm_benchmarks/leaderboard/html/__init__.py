"""The leaderboard as one self-contained page.

`payload.py` collects what the page shows, `page.py` renders it from `templates/`. The page has tables without
scripts; the scripts sort and filter them and draw the charts.
"""
