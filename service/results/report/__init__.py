"""Reports made from a table and its manifest: `report.html`, `summary.json`, methods and citations.

`make` asks a child process (`child`), since reports decode uploaded media; most other modules run in it.
"""
