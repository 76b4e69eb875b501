"""Check every pod of the chart against the pod security standard `restricted`, and more, whatever the values.

The standard: https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from infra.checks.chart import Manifest

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
_HOST = ("hostNetwork", "hostPID", "hostIPC")
# Runs to its end, and is seen to fail by that.
_NOT_PROBED = {"CronJob"}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield kind, name and pod specification of every manifest that makes pods."""
    for manifest in manifests:
        spec = manifest.get("spec", {})
        job = spec.get("jobTemplate", {}).get("spec") or spec.get("jobTargetRef") or spec
        template = job.get("template")
        if template:
            yield manifest["kind"], manifest["metadata"]["name"], template["spec"]


def problems(manifests: list[Manifest]) -> list[str]:
    """List every breach."""
    return [
        f"{kind} {name}: {problem}"
        for kind, name, pod in pods(manifests)
        for problem in [*_pod(pod), *(problem for one in pod["containers"] for problem in _container(one, kind))]
    ]


def environment(container: dict[str, Any]) -> dict[str, str]:
    """The environment of a container; for a variable out of a secret or field, the name of that source."""
    return {one["name"]: str(one.get("value") or next(iter(one["valueFrom"]))) for one in container.get("env", [])}


def _pod(pod: dict[str, Any]) -> Iterator[str]:
    context = pod.get("securityContext", {})
    if not context.get("runAsNonRoot") or context.get("runAsUser") == 0:
        yield "may run as root"
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"
    if any(pod.get(name) for name in _HOST):
        yield "shares the host's namespaces"
    if pod.get("automountServiceAccountToken") is not False:
        yield "gets a token of the cluster"
    for volume in pod.get("volumes", []):
        if not set(volume) - {"name"} <= _VOLUMES:
            yield f"volume {volume['name']} is of a kind that is not allowed"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"volume {volume['name']} may fill the node's disk"


def _container(container: dict[str, Any], kind: str) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
        yield "may gain privileges"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    if not context.get("readOnlyRootFilesystem"):
        yield "may write to its root file system"
    for which in ("requests", "limits"):
        absent = {"cpu", "memory"} - set(container.get("resources", {}).get(which, {}))
        if absent:
            yield f"{which} no {' and no '.join(sorted(absent))}"
    if kind not in _NOT_PROBED and "livenessProbe" not in container:
        yield "is not probed"
