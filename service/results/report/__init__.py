"""A result for people, made from a table and a manifest: `report.html`, `summary.json`, methods and citations.

`make` starts a child process (`python -m service.results.report`), since reports show uploaded media; the other modules
run in it.
"""
