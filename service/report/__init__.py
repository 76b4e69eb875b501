"""A result for people, made from a table and a manifest: `report.html`, `summary.json`, methods and citations.

`making` starts a child process (`python -m service.report`), since reports show uploaded media; the rest runs in it.
"""
