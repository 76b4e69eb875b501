"""Names of the files that belong to a report."""

FORMAT = "1"
"""Of the files' content; kept ones of another are made anew."""

REPORT = "report.html"
SUMMARY = "summary.json"
METHODS = "methods.txt"
BIBLIOGRAPHY = "citation.bib"
FILES = {
    SUMMARY: "application/json",
    METHODS: "text/plain; charset=utf-8",
    BIBLIOGRAPHY: "application/x-bibtex; charset=utf-8",
    # Last: where it is, all are.
    REPORT: "text/html; charset=utf-8",
}
"""Their media types, in the order in which they are kept."""
