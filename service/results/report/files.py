"""Names of a report's files."""

FORMAT = "4"
"""Version of the files' content; stored files of another version are made anew."""

REPORT = "report.html"
SUMMARY = "summary.json"
METHODS = "methods.txt"
BIBLIOGRAPHY = "citation.bib"
FILES = {
    SUMMARY: "application/json",
    METHODS: "text/plain; charset=utf-8",
    BIBLIOGRAPHY: "application/x-bibtex; charset=utf-8",
    # Last, so that its presence means that all are there.
    REPORT: "text/html; charset=utf-8",
}
"""Content types, in the order in which the files are stored."""
