"""An example of each operation, as a curl command, in the OpenAPI document and in the generated documentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

JOB = "68578a2f76e6842c14d18dfb9e61cf24"
SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
VALUES = {
    "job_id": JOB,
    "media": "image",
    "media_type": "wild",
    "name": "my-uploads",
    "version": "1",
    "gallery": "pilot",
    "study": "pilot",
    "gallery_id": "pilot",
    "person_id": "anna",
    "face_id": "1",
}
"""Values of path parameters."""

PICTURE = '-H "Content-Type: image/jpeg" --data-binary @portrait.jpg'
ADDED: Mapping[str, str] = {
    "POST /session": '-H "Content-Type: application/json" -d \'{"key": "fl_…"}\' -c cookies',
    "DELETE /session": '-b cookies -H "X-CSRF-Token: …"',
    "GET /uploads": f"?name=clip.mp4&sha256={SHA256}",
    "PUT /uploads": '?name=clip.mp4 -H "Content-Type: video/mp4" --data-binary @clip.mp4',
    "GET /uploads/{name}": "?blob=clip.mp4",
    "PUT /uploads/{name}": f'?blob=clip.mp4 -H "X-Content-SHA256: {SHA256}" --data-binary @clip.mp4',
    "GET /analyse/{media}/{media_type}/{name}": "?blob=portrait.jpg",
    "POST /analyse/{media}/{media_type}/{name}": '?blob=portrait.jpg -H "Prefer: wait=20"',
    "GET /jobs": "?state=failed&text=portrait",
    "GET /jobs/{job_id}/events": "-N",
    "GET /jobs/{job_id}/result.csv": "-o result.csv",
    "GET /jobs/{job_id}/result.parquet": "-o result.parquet",
    "GET /jobs/{job_id}/files.zip": "-o result.zip",
    "GET /jobs/{job_id}/overlay": "-o overlay.mp4",
    "GET /jobs/{job_id}/report.html": "-o report.html",
    "GET /jobs/{job_id}/poster.jpg": "-o poster.jpg",
    "GET /studies/{study}/jobs": "?state=failed",
    "GET /studies/{study}/table.csv": "-o pilot.csv",
    "GET /studies/{study}/table.parquet": "-o pilot.parquet",
    "GET /studies/{study}/report.html": "-o pilot.html",
    "PUT /jobs/{job_id}/annotations": '-H "Content-Type: application/json" '
    '-d \'{"excluded": [{"start_s": 12, "end_s": 14.5, "reason": "a hand before the face"}]}\'',
    "GET /jobs/{job_id}/series": "?from=0&to=60&points=500",
    "GET /jobs/{job_id}/media": '-H "Range: bytes=0-1048575" -o start.mp4',
    "GET /jobs/{job_id}/proxy": "-o copy.webm",
    "POST /api/detect": PICTURE,
    "POST /api/analyse-image": PICTURE,
}
"""Query and further arguments of curl, by operation."""

NO_KEY = ("GET /healthz", "GET /readyz", "GET /metrics", "POST /session", "DELETE /session")


def example_of(method: str, path: str) -> str:
    """Return the curl command of an operation."""
    operation = f"{method.upper()} {path}"
    first, _, rest = ADDED.get(operation, "").partition(" ")
    query, more = (first, rest) if first.startswith("?") else ("", f"{first} {rest}".strip())
    filled = path
    for name, value in VALUES.items():
        filled = filled.replace(f"{{{name}}}", value)
    how = "" if method.upper() == "GET" else f"-X {method.upper()} "
    key = "" if operation in NO_KEY else ' -H "X-API-Key: $KEY"'
    return f'curl -s {how}"$SERVICE{filled}{query}"{key}{" " if more else ""}{more}'


def add_examples(document: dict[str, Any]) -> dict[str, Any]:
    """Add to every operation's description its example; does nothing the second time.

    Args:
        document: the OpenAPI document, which is changed.
    """
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            example = f"Example:\n\n```sh\n{example_of(method, path)}\n```"
            text = operation.get("description", "")
            if example not in text:
                operation["description"] = f"{text}\n\n{example}".strip()
    return document
