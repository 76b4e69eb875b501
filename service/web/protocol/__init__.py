"""HTTP conventions that routes share: bodies, problems, OpenAPI, Prefer: wait, security headers, job JSON."""
