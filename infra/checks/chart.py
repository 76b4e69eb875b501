"""Render the chart: by the `helm` command where there is one, otherwise by Helm's engine out of a wheel."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from jsonschema_rs import Draft7Validator

from infra.steps import REPOSITORY, NotRun, StepFailed, command

CHART = REPOSITORY / "infra" / "helm"
LIBRARY = REPOSITORY / ".local" / "infra-tools" / "helm"
ENGINE = Path(__file__).with_name("helm_engine.py")

# The engine's lint knows no release's name; it takes this one.
RELEASE = "test-release"

# Not called where it could run for real: in lint, `fail` only says its text.
PRINTER = """\
{{- range $path, $_ := .Files.Glob "to-print/*.yaml" }}
{{- fail (printf "rendered %s\\n%s" $path (tpl ($.Files.Get $path) $)) }}
{{- end }}
"""
_SAID = re.compile(r'funcMap fail message="((?:[^"\\]|\\.)*)"')

Manifest = dict[str, Any]


def values_of(*names: str) -> dict[str, Any]:
    """The values files of these names laid over the chart's own values."""
    merged: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    for name in names:
        _lay_over(merged, yaml.safe_load((CHART / name).read_text("utf-8")))
    return merged


def render(values: Mapping[str, Any]) -> list[Manifest]:
    """Render the chart's manifests.

    Raises:
        NotRun: there is neither `helm` nor the library.
        StepFailed: Helm refuses the chart or the values.
    """
    _check_schema(values)
    with tempfile.TemporaryDirectory() as folder:
        if shutil.which("helm"):
            file = Path(folder) / "values.yaml"
            file.write_text(yaml.safe_dump(dict(values)), "utf-8")
            text = command("helm", "template", RELEASE, str(CHART), "--values", str(file))
        else:
            text = "\n---\n".join(_rendered_by_library(Path(folder) / CHART.name, values))
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def _check_schema(values: Mapping[str, Any]) -> None:
    """Name the value that the schema refuses, which the library's lint does not. Raises StepFailed."""
    validator = Draft7Validator(json.loads((CHART / "values.schema.json").read_text("utf-8")))
    problems = [
        f"{'.'.join(map(str, error.instance_path)) or 'values'}: {error.message}"
        for error in validator.iter_errors(values)
    ]
    if problems:
        raise StepFailed("\n".join(problems))


def rendered_by() -> str:
    """Name the renderer in use."""
    return "the command `helm`" if shutil.which("helm") else "Helm's engine in helm-sdkpy"


def _rendered_by_library(copy: Path, values: Mapping[str, Any]) -> list[str]:
    shutil.copytree(CHART, copy)
    (copy / "values.yaml").write_text(yaml.safe_dump(dict(values)), "utf-8")
    templates = [path for path in (copy / "templates").iterdir() if path.suffix == ".yaml"]
    (copy / "to-print").mkdir()
    for path in templates:
        shutil.copy(path, copy / "to-print")
    (copy / "templates" / "print-all.yaml").write_text(PRINTER, "utf-8")
    library = next(LIBRARY.glob("helm_sdkpy/_lib/*/libhelm_sdkpy.so"), None)
    if library is None:
        raise NotRun("neither helm nor, for this platform, helm-sdkpy is here")
    done = subprocess.run(
        [sys.executable, str(ENGINE), str(library), str(copy)], capture_output=True, text=True, check=False, timeout=60
    )
    said = [str(json.loads(f'"{text}"')) for text in _SAID.findall(done.stderr)]
    rendered = [text.partition("\n")[2] for text in said if text.startswith("rendered ")]
    refused = [text for text in said if not text.startswith("rendered ")]
    if done.returncode or refused or len(rendered) != len(templates):
        raise StepFailed("\n".join(refused) or done.stdout + done.stderr)
    return rendered


def _lay_over(below: dict[str, Any], above: Mapping[str, Any]) -> None:
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay_over(below[key], value)
        else:
            below[key] = value
