"""`make infra-check`: check the deployment files without a cloud or a cluster.

Every step says `ok`, `FAILED`, or `not run` and why; the exit code is 1 if any failed.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click
import yaml

from infra.checks import pods
from infra.checks.azure_types import AzureTypes
from infra.checks.azure_types import problems as type_problems
from infra.checks.bicep import BicepFile, bicep_files
from infra.checks.chart import CHART, Manifest, render, rendered_by, values_of
from infra.steps import REPOSITORY, Step, StepFailed, command

BICEP = REPOSITORY / "infra" / "bicep"
WORKFLOWS = REPOSITORY / ".github" / "workflows"
POLICIES = REPOSITORY / "infra" / "checks" / "checkov.yaml"
RULE_TESTS = REPOSITORY / "infra" / "checks" / "alerts_test.yaml"
# The oldest that the chart says it runs on, and the newest whose schemas are at hand.
KUBERNETES = ("1.29.0", "1.37.0")
TESTS = (
    "tests/infra/test_bicep.py",
    "tests/infra/test_chart_upgrade.py",
    "tests/infra/test_deployed_settings.py",
    "tests/infra/test_roles.py",
)

AZURE, AZURITE = "values-azure.yaml", "values-azurite.yaml"
VARIANTS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "for Azure": ((AZURE,), {}),
    "with Azurite": ((AZURITE,), {}),
    "with a connection string": (
        (AZURE,),
        {
            "storage": {"account": "", "connectionStringSecret": {"name": "storage", "key": "connection-string"}},
            "alerts": {"kind": "none", "labels": {}},
        },
    ),
    "with everything that can be set": (
        (AZURE,),
        {
            "image": {"digest": f"sha256:{'0' * 64}"},
            "metrics": {"monitors": True, "monitorLabels": {"release": "prometheus"}, "dashboard": True},
            "traces": {"otlpEndpoint": "http://collector.monitoring:4318", "share": 0.1},
            "galleries": {"enabled": True, "databaseSecret": {"name": "galleries", "key": "identity-database"}},
            "reportsBy": "worker",
            "callbacks": {
                "hosts": ["hooks.example.org", ".example.com"],
                "secret": {"name": "callbacks", "key": "callback-secret"},
            },
            "enginesAvailable": "lite=/app/openface_lite/bin",
            "extraEnvironment": [{"name": "MAX_ATTEMPTS", "value": "3"}],
            "web": {"nodeSelector": {"pool": "web"}, "tolerations": [{"key": "web", "operator": "Exists"}]},
            "worker": {
                "scaling": "keda-jobs",
                "nodeSelector": {"pool": "work"},
                "tolerations": [{"key": "work", "operator": "Exists", "effect": "NoSchedule"}],
            },
            "sweeper": {"nodeSelector": {"pool": "work"}},
            "networkPolicies": {"privateEndpointCidrs": ["10.1.2.0/24"], "databaseCidrs": ["10.1.3.0/24"]},
        },
    ),
    "with functions that call on": (
        (AZURITE,),
        {
            "functions": {
                "nextStageUrl": "http://next.example.org",
                "nextStageAllowHttp": True,
                "nextStageSecret": {"name": "next", "key": "secret"},
            },
            "worker": {"scaling": "hpa"},
        },
    ),
}
# kubernetes-validate has no schemas of these.
WITHOUT_SCHEMA = {
    *("PodMonitor", "PrometheusRule", "ServiceMonitor"),
    *("ScaledJob", "ScaledObject", "TriggerAuthentication"),
}


@click.command()
def main() -> None:
    """Check the Bicep files, the chart, the scripts and the workflows."""
    results = [step.succeeds() for step in steps()]
    sys.exit(0 if all(results) else 1)


def steps() -> Iterator[Step]:
    """Yield every step."""
    yield Step("Bicep: syntax, names, what modules take and give", bicep_reads)
    yield Step("Bicep: types, API versions and properties (pulumi-azure-native)", bicep_is_of_azure)
    yield Step("Bicep: policies (checkov)", partial(_policies, "bicep", BICEP))
    yield Step("Bicep: the compiler", partial(command, "bicep", "build", str(BICEP / "main.bicep"), "--stdout"))
    yield Step("settings, roles and filters against the code", partial(command, sys.executable, *_tests()))
    yield Step("shellcheck", partial(command, "shellcheck", "-x", "-P", "SCRIPTDIR", *map(str, scripts())))
    schema = ("--builtin-schema", "vendor.github-workflows")
    yield Step("workflows against their schema", partial(command, "check-jsonschema", *schema, *map(str, workflows())))
    yield Step(f"chart: {', '.join(VARIANTS)}; rendered by {rendered_by()}", chart_holds)
    rules = str(CHART / "files" / "alerts.yaml")
    yield Step("Prometheus rules", partial(command, "promtool", "check", "rules", rules))
    yield Step("Prometheus rules: when they fire", partial(command, "promtool", "test", "rules", str(RULE_TESTS)))


def bicep_reads() -> None:
    """Read every Bicep file. Raises StepFailed with all faults."""
    found = [problem for path in bicep_files(BICEP) for problem in BicepFile(path).problems()]
    if found:
        raise StepFailed("\n".join(found))


def bicep_is_of_azure() -> None:
    """Check every Bicep file against Azure's published types. Raises NotRun, StepFailed."""
    types = AzureTypes.installed()
    found = [problem for path in bicep_files(BICEP) for problem in type_problems(BicepFile(path), types)]
    if found:
        raise StepFailed("\n".join(found))


def chart_holds() -> None:
    """Check the chart's manifests against Kubernetes' schemas and the policies. Raises NotRun, StepFailed."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{name.replace(' ', '-')}.yaml" for name in VARIANTS]
        for name, file in zip(VARIANTS, files, strict=True):
            manifests = render(values_for(name))
            found = pods.problems(manifests)
            if found:
                raise StepFailed(f"{name}:\n" + "\n".join(found))
            file.write_text(yaml.safe_dump_all(_with_schema(manifests)), "utf-8")
        for version in KUBERNETES:
            told = ("--strict", "--quiet", "--kubernetes-version", version)
            command("kubernetes-validate", *told, *map(str, files))
        _policies("kubernetes", Path(folder))


def values_for(variant: str) -> dict[str, Any]:
    """The values of one of VARIANTS."""
    names, more = VARIANTS[variant]
    values = values_of(*names)
    for key, changed in more.items():
        values[key] = values[key] | changed if isinstance(changed, dict) else changed
    return values


def scripts() -> list[Path]:
    """Every shell script of the deployment."""
    return [*sorted(BICEP.glob("*.sh")), REPOSITORY / ".ci" / "run"]


def workflows() -> list[Path]:
    """Every workflow."""
    return sorted(WORKFLOWS.glob("*.yaml"))


def _tests() -> tuple[str, ...]:
    return ("-m", "pytest", "-q", *TESTS)


def _with_schema(manifests: list[Manifest]) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] not in WITHOUT_SCHEMA]


def _policies(framework: str, folder: Path) -> None:
    said = command("checkov", "--config-file", str(POLICIES), "--framework", framework, "--directory", str(folder))
    if re.search(r"Parsing errors: [1-9]", said):
        # It passes over such files in silence.
        raise StepFailed(f"checkov could not read every file:\n{said}")


if __name__ == "__main__":
    main()
