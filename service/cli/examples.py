"""Examples in the help of every command, by its path below `faceline`."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "agree": ("faceline agree photos --engines openface,lite --report agreement.html",),
    "analyse": (
        "faceline analyse portrait.jpg --out results",
        "faceline analyse session-1 --out results --media-type posed --report",
        "faceline analyse interview.mp4 --out results --start 60 --end 90 --faces many",
    ),
    "canary": ("faceline canary", "faceline canary --record"),
    "collect": (
        "faceline collect results --out table.parquet",
        "faceline collect results --out units.csv --only action-units --only head-pose",
    ),
    "compare": ("faceline compare results/smile.mp4 --reference desired.json --html verdict.html",),
    "doctor": ("faceline doctor", "faceline doctor --local", "faceline doctor --engine /opt/openface/bin"),
    "download": ("faceline download my-uploads --out results --url https://faces.example.org",),
    "galleries delete": ("faceline galleries delete pilot --yes",),
    "galleries hand-over": ("faceline galleries hand-over pilot new-key",),
    "galleries list": ("faceline galleries list",),
    "jobs cancel": ("faceline jobs cancel 68578a2f76e6842c14d18dfb9e61cf24",),
    "jobs list": ("faceline jobs list --state failed --limit 20",),
    "jobs rerun": ("faceline jobs rerun 68578a2f76e6842c14d18dfb9e61cf24",),
    "jobs show": ("faceline jobs show 68578a2f76e6842c14d18dfb9e61cf24",),
    "key list": ("faceline key list --file keys.txt",),
    "key new": ("faceline key new --name anna --scope analyse --scope read --file keys.txt",),
    "key revoke": ("faceline key revoke anna --file keys.txt",),
    "next-stage": (
        "faceline next-stage --reference desired.json --out verdicts --storage-url https://faces.blob.core.windows.net/",
    ),
    "poison drop": ("faceline poison drop --all --yes",),
    "poison list": ("faceline poison list",),
    "poison replay": ("faceline poison replay --all",),
    "poison show": ("faceline poison show 1c2d3e4f",),
    "purge blob": ("faceline purge blob my-uploads portrait.jpg --dry-run",),
    "purge container": ("faceline purge container my-uploads --yes --wait 300",),
    "purge job": ("faceline purge job 68578a2f76e6842c14d18dfb9e61cf24 --yes",),
    "purge person": ("faceline purge person pilot anna --yes",),
    "queues": ("faceline queues",),
    "reference": ("faceline reference results/portrait.jpg --out desired.json --tolerance 0.5",),
    "report": ("faceline report results",),
    "settings": ("faceline settings",),
    "status": ("faceline status my-uploads --url https://faces.example.org",),
    "submit": (
        "faceline submit recordings --out results --url https://faces.example.org",
        "faceline submit recordings --no-wait --url https://faces.example.org",
    ),
    "sweep": ("faceline sweep", "faceline sweep --mend"),
    "watch": ("faceline watch my-uploads --url https://faces.example.org",),
    "web": ("HOST=127.0.0.1 PORT=5000 faceline web",),
    "worker": ("faceline worker", "faceline worker --until-idle 60"),
}


def epilog(path: str) -> str | None:
    """Return a command's examples as the last part of its help."""
    lines = EXAMPLES.get(path)
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines) if lines else None
