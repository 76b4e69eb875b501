"""Reports made from a table and its manifest: `report.html`, `summary.json`, methods and citations.

`make` starts a child process (`python -m service.results.report`), since reports decode uploaded media; the other
modules run in it.
"""
