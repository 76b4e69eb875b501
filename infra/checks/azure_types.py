"""Check resource types, API versions and property names of Bicep files against Azure's published types.

The types come with the package pulumi-azure-native, which is generated from Azure's own API specifications. It knows
every published version of a resource type, and the properties of one of them: a name that it does not have is a
mistake or newer or older than that version. Whether a property is in exactly the version that a file names, only the
compiler (`bicep build`) knows.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tree_sitter import Node

from infra.checks.bicep import BicepFile
from infra.steps import REPOSITORY, NotRun

FOLDER = REPOSITORY / ".local" / "infra-tools" / "azure-types"

# Module and file of the package for each resource type in use.
FILES = {
    "Microsoft.App/containerApps": "app/container_app",
    "Microsoft.App/jobs": "app/job",
    "Microsoft.App/managedEnvironments": "app/managed_environment",
    "Microsoft.Authorization/roleAssignments": "authorization/role_assignment",
    "Microsoft.Consumption/budgets": "consumption/budget",
    "Microsoft.ContainerRegistry/registries": "containerregistry/registry",
    "Microsoft.EventGrid/systemTopics": "eventgrid/system_topic",
    "Microsoft.EventGrid/systemTopics/eventSubscriptions": "eventgrid/system_topic_event_subscription",
    "Microsoft.Insights/actionGroups": "monitor/action_group",
    "Microsoft.Insights/components": "applicationinsights/component",
    "Microsoft.Insights/diagnosticSettings": "monitor/diagnostic_setting",
    "Microsoft.Insights/metricAlerts": "monitor/metric_alert",
    "Microsoft.Insights/scheduledQueryRules": "monitor/scheduled_query_rule",
    "Microsoft.KeyVault/vaults": "keyvault/vault",
    "Microsoft.KeyVault/vaults/secrets": "keyvault/secret",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "managedidentity/user_assigned_identity",
    "Microsoft.Network/natGateways": "network/nat_gateway",
    "Microsoft.Network/networkSecurityGroups": "network/network_security_group",
    "Microsoft.Network/privateDnsZones": "privatedns/private_zone",
    "Microsoft.Network/privateDnsZones/A": "privatedns/private_record_set",
    "Microsoft.Network/privateDnsZones/virtualNetworkLinks": "privatedns/virtual_network_link",
    "Microsoft.Network/privateEndpoints": "network/private_endpoint",
    "Microsoft.Network/privateEndpoints/privateDnsZoneGroups": "network/private_dns_zone_group",
    "Microsoft.Network/publicIPAddresses": "network/public_ip_address",
    "Microsoft.Network/virtualNetworks": "network/virtual_network",
    "Microsoft.OperationalInsights/workspaces": "operationalinsights/workspace",
    "Microsoft.Storage/storageAccounts": "storage/storage_account",
    "Microsoft.Storage/storageAccounts/blobServices": "storage/blob_service_properties",
    "Microsoft.Storage/storageAccounts/blobServices/containers": "storage/blob_container",
    "Microsoft.Storage/storageAccounts/managementPolicies": "storage/management_policy",
    "Microsoft.Storage/storageAccounts/queueServices": "storage/queue_service_properties",
    "Microsoft.Storage/storageAccounts/queueServices/queues": "storage/queue",
    "Microsoft.Storage/storageAccounts/tableServices": "storage/table_service_properties",
    "Microsoft.Storage/storageAccounts/tableServices/tables": "storage/table",
    "Microsoft.Web/serverfarms": "web/app_service_plan",
    "Microsoft.Web/sites": "web/web_app",
    "Microsoft.Web/sites/config": "web/web_app_application_settings",
}
# The package calls these otherwise than Azure does.
OTHER_NAMES = {
    "networkAcls": "networkRuleSet",
    "supportsHttpsTrafficOnly": "enableHttpsTrafficOnly",
    "Application_Type": "applicationType",
    "WorkspaceResourceId": "workspaceResourceId",
    "DisableLocalAuth": "disableLocalAuth",
    "odata.type": "odataType",
    "value": "iPAddressOrRange",
}
BICEPS_OWN = {"name", "parent", "scope", "dependsOn", "location", "tags"}

_RESOURCE = re.compile(r"'(?P<type>Microsoft\.[\w./]+)@(?P<version>[\w-]+)'")
_PROPERTY = re.compile(r'@pulumi\.getter(?:\(name="(\w+)"\))?\n    def (\w+)\(self\) -> (.+):\n')


@dataclass(frozen=True)
class Shape:
    """The properties of an object, each with the names of the objects that it may hold."""

    properties: Mapping[str, tuple[str, ...]]


class AzureTypes:
    """The types in a wheel of pulumi-azure-native, which is read and never installed or run."""

    def __init__(self, wheel: Path) -> None:
        self._archive = zipfile.ZipFile(wheel)
        self._texts: dict[str, str] = {}

    @classmethod
    def installed(cls) -> AzureTypes:
        """Open the wheel that `make infra-check` has fetched. Raises NotRun."""
        wheel = next(iter(sorted(FOLDER.glob("pulumi_azure_native-*.whl"))), None)
        if wheel is None:
            raise NotRun("the package pulumi-azure-native is not here")
        return cls(wheel)

    def versions(self, file: str) -> set[str]:
        """The published API versions of a resource type, such as `2025-01-01`."""
        found = re.findall(r"azure-native:\w+/v(\d{4})(\d{2})(\d{2})(\w*):", self._text(file))
        text = self._text(file)
        default = re.findall(r"REST API version (\d{4}-\d{2}-\d{2}(?:-\w+)?)", text)
        return {f"{year}-{month}-{day}{'-' + end if end else ''}" for year, month, day, end in found} | set(default)

    def resource(self, file: str) -> Shape:
        """The shape of a resource."""
        [name] = re.findall(r"^__all__ = \['(\w+)', '\w+'\]", self._text(file), re.MULTILINE)
        return self._shape(self._text(file), name)

    def inputs(self, module: str, names: tuple[str, ...]) -> Shape:
        """The shape of an object below a resource; of several possible ones all their properties."""
        shapes = [self._shape(self._text(f"{module}/_inputs"), name) for name in names]
        return Shape({name: nested for shape in shapes for name, nested in shape.properties.items()})

    def _text(self, file: str) -> str:
        if file not in self._texts:
            self._texts[file] = self._archive.read(f"pulumi_azure_native/{file}.py").decode()
        return self._texts[file]

    def _shape(self, text: str, name: str) -> Shape:
        block = re.search(
            rf"^class {name}:\n(.*?)(?=^(?:class|@pulumi|if not MYPY)|\Z)", text, re.MULTILINE | re.DOTALL
        )
        found = _PROPERTY.findall(block[1] if block else "")
        return Shape(
            {
                # A mapping has names of its own, which are anybody's choice.
                camel or snake: () if "Mapping[str" in kind else tuple(re.findall(r"'(\w+Args)'", kind))
                for camel, snake, kind in found
            }
        )


@dataclass(frozen=True)
class Resource:
    """A resource of a Bicep file."""

    file: BicepFile
    name: str
    node: Node

    @cached_property
    def type_and_version(self) -> tuple[str, str]:
        found = _RESOURCE.search(_text(self.node))
        assert found
        return found["type"], found["version"]

    @property
    def is_existing(self) -> bool:
        return re.match(r"resource \w+ '[^']+' existing", _text(self.node)) is not None


def problems(file: BicepFile, types: AzureTypes) -> Iterator[str]:
    """List every type, version and property of a file that Azure does not have."""
    for one in file.declared.values():
        if one.kind != "resource":
            continue
        resource = Resource(file, one.name, one.node)
        kind, version = resource.type_and_version
        place = f"{file.path.name}: {one.name}"
        if kind not in FILES:
            yield f"{place}: {kind} is not in FILES"
            continue
        if version not in types.versions(FILES[kind]):
            yield f"{place}: {kind} has no version {version}"
        if not resource.is_existing:
            module = FILES[kind].partition("/")[0]
            for body in _objects(one.node, file):
                yield from _unknown(body, types.resource(FILES[kind]), types, module, file, place)


def _unknown(
    body: Node, shape: Shape, types: AzureTypes, module: str, file: BicepFile, place: str, *, is_top: bool = True
) -> Iterator[str]:
    for node in body.named_children:
        if node.type != "object_property" or len(node.named_children) < 2:
            continue
        key, value = _text(node.named_children[0]).strip("'"), node.named_children[1]
        if key not in shape.properties:
            key = OTHER_NAMES.get(key, key)
        if is_top and key in BICEPS_OWN:
            continue
        if key == "properties" and key not in shape.properties:
            # The package has its content one level higher.
            nested = shape
        elif key not in shape.properties:
            yield f"{place}: {key} is not a property there"
            continue
        elif not shape.properties[key]:
            continue
        else:
            nested = types.inputs(module, shape.properties[key])
        for one in _objects(value, file):
            yield from _unknown(one, nested, types, module, file, f"{place}.{key}", is_top=False)


def _objects(node: Node, file: BicepFile) -> Iterator[Node]:
    """Yield the outermost objects of an expression, also those of variables that it names."""
    if node.type == "object":
        yield node
        return
    if node.type == "identifier":
        declared = file.declared.get(_text(node))
        if declared is not None and declared.kind == "var":
            yield from _objects(declared.node.named_children[1], file)
        return
    children = node.named_children
    if node.type in ("for_statement", "member_expression", "subscript_expression"):
        # What a loop runs over, or a part is taken of, is no object of the resource.
        children = children[-1:] if node.type == "for_statement" else []
    elif node.type in ("resource_declaration", "ternary_expression"):
        children = children[1:]
    for child in children:
        yield from _objects(child, file)


def _text(node: Node) -> str:
    return (node.text or b"").decode()
