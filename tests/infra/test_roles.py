"""The roles that Bicep assigns against the calls that the code makes: each is allowed, and no role is for nothing."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from azure.data.tables import TableClient, TableServiceClient
from azure.storage.blob import BlobClient, BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient

from infra.checks.check import BICEP
from infra.steps import REPOSITORY
from service.jobs import backend  # noqa: F401 - knows every kind of queue
from service.jobs.job_queue import JobQueue
from service.jobs.side_queue import SideQueue

CLIENTS = (
    *(BlobServiceClient, ContainerClient, BlobClient),
    *(QueueServiceClient, QueueClient, TableServiceClient, TableClient),
)
# Methods of the clients that send nothing.
LOCAL = {
    *("from_connection_string", "close"),
    *("get_blob_client", "get_container_client", "get_queue_client", "get_table_client"),
}

BLOBS = "Microsoft.Storage/storageAccounts/blobServices"
QUEUES = "Microsoft.Storage/storageAccounts/queueServices"
TABLES = "Microsoft.Storage/storageAccounts/tableServices"
CONTAINER, BLOB = f"{BLOBS}/containers", f"{BLOBS}/containers/blobs"
QUEUE, MESSAGE = f"{QUEUES}/queues", f"{QUEUES}/queues/messages"
TABLE, ENTITY = f"{TABLES}/tables", f"{TABLES}/tables/entities"

Actions = frozenset[str]


def any_of(*ways: str | tuple[str, ...]) -> list[Actions]:
    return [frozenset([way] if isinstance(way, str) else way) for way in ways]


# What each call needs; one of the ways is enough.
# https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory#permissions-for-calling-data-operations
NEEDS: dict[str, list[Actions]] = {
    "list_containers": any_of(f"{CONTAINER}/read"),
    "create_container": any_of(f"{CONTAINER}/write"),
    "exists": any_of(f"{CONTAINER}/read"),
    "get_container_properties": any_of(f"{CONTAINER}/read"),
    "set_container_metadata": any_of(f"{CONTAINER}/write"),
    "get_user_delegation_key": any_of(f"{BLOBS}/generateUserDelegationKey/action"),
    "list_blobs": any_of(f"{BLOB}/read"),
    "get_blob_properties": any_of(f"{BLOB}/read"),
    "download_blob": any_of(f"{BLOB}/read"),
    "upload_blob": any_of(f"{BLOB}/write"),
    "stage_block": any_of(f"{BLOB}/write"),
    "commit_block_list": any_of(f"{BLOB}/write"),
    "delete_blob": any_of(f"{BLOB}/delete"),
    "list_queues": any_of(f"{QUEUE}/read"),
    "create_queue": any_of(f"{QUEUE}/write"),
    "get_queue_properties": any_of(f"{QUEUE}/read"),
    "send_message": any_of(f"{MESSAGE}/add/action", f"{MESSAGE}/write"),
    "receive_message": any_of(f"{MESSAGE}/process/action", (f"{MESSAGE}/delete", f"{MESSAGE}/read")),
    "receive_messages": any_of(f"{MESSAGE}/process/action", (f"{MESSAGE}/delete", f"{MESSAGE}/read")),
    "peek_messages": any_of(f"{MESSAGE}/read"),
    "update_message": any_of(f"{MESSAGE}/write"),
    "delete_message": any_of(f"{MESSAGE}/process/action", f"{MESSAGE}/delete"),
    "list_tables": any_of(f"{TABLE}/read"),
    "create_table": any_of(f"{TABLE}/write"),
    "query_entities": any_of(f"{ENTITY}/read"),
    "get_entity": any_of(f"{ENTITY}/read"),
    "create_entity": any_of(f"{ENTITY}/add/action", f"{ENTITY}/write"),
    "update_entity": any_of(f"{ENTITY}/update/action", f"{ENTITY}/write"),
    "upsert_entity": any_of((f"{ENTITY}/add/action", f"{ENTITY}/update/action"), f"{ENTITY}/write"),
    # Of upserts.
    "submit_transaction": any_of((f"{ENTITY}/add/action", f"{ENTITY}/update/action"), f"{ENTITY}/write"),
    "delete_entity": any_of(f"{ENTITY}/delete"),
}

_READER = {f"{CONTAINER}/read", f"{BLOBS}/generateUserDelegationKey/action", f"{BLOB}/read"}
_CONTRIBUTOR = _READER | {
    *(f"{CONTAINER}/{verb}" for verb in ("delete", "write")),
    *(f"{BLOB}/{verb}" for verb in ("delete", "write", "move/action", "add/action")),
}


@dataclass(frozen=True)
class Role:
    """A built-in role: its id, and the actions and data actions that storage asks for."""

    id: str
    grants: Actions


# https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage, and for the last three
# …/built-in-roles/containers, …/security and …/monitor. `*` of the Owner is written out as far as it matters here.
ROLES = {
    "blobDataReader": Role("2a2b9908-6ea1-4ae2-8e65-a410df84e7d1", frozenset(_READER)),
    "blobDataContributor": Role("ba92f5b4-2d11-453d-a403-e96b0029c9fe", frozenset(_CONTRIBUTOR)),
    "blobDataOwner": Role("b7e6dc6d-f1e8-4753-8033-0f276bb0955b", frozenset(_CONTRIBUTOR)),
    "queueDataReader": Role("19e7f393-937e-4f77-808e-94535e297925", frozenset({f"{QUEUE}/read", f"{MESSAGE}/read"})),
    "queueDataContributor": Role(
        "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
        frozenset(
            {
                *(f"{QUEUE}/{verb}" for verb in ("delete", "read", "write")),
                *(f"{MESSAGE}/{verb}" for verb in ("delete", "read", "write", "process/action")),
            }
        ),
    ),
    "tableDataReader": Role("76199698-9eea-4c19-bc75-cec21354c6b6", frozenset({f"{TABLE}/read", f"{ENTITY}/read"})),
    "tableDataContributor": Role(
        "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
        frozenset(
            {
                *(f"{TABLE}/{verb}" for verb in ("read", "write", "delete")),
                *(f"{ENTITY}/{verb}" for verb in ("read", "write", "delete", "add/action", "update/action")),
            }
        ),
    ),
    # Of the account itself, none of whose data actions it has.
    "accountContributor": Role("17d1049b-9a84-46fb-8f53-869881c3d3ab", frozenset()),
    "acrPull": Role("7f951dda-4ed3-4680-a7ca-43fe172d538d", frozenset()),
    "keyVaultSecretsUser": Role("4633458b-17de-408a-874b-0445c86b69e6", frozenset()),
    "monitoringMetricsPublisher": Role("3913510d-42f4-4e42-8a64-420c390055eb", frozenset()),
}


@dataclass(frozen=True)
class Grant:
    """A role that a principal has on a resource."""

    who: str
    role: str
    scope: str


# Not for a call in our code: the platform's, the Functions host's, or a person's.
NOT_FOR_CALLS = {
    **{Grant(who, "acrPull", "registry"): "Container Apps pulls the image" for who in ("web", "worker")},
    Grant("web", "keyVaultSecretsUser", "apiKeys"): "Container Apps reads secrets",
    Grant("web", "keyVaultSecretsUser", "sessionSecret"): "Container Apps reads secrets",
    Grant("function", "keyVaultSecretsUser", "serviceApiKey"): "App Service reads secrets",
    Grant("function", "keyVaultSecretsUser", "nextStageSecret"): "App Service reads secrets",
    **{
        Grant(who, "keyVaultSecretsUser", "galleriesDatabase"): "Container Apps reads secrets"
        for who in ("web", "worker")
    },
    **{
        Grant(who, "keyVaultSecretsUser", "callbackSecret"): "Container Apps reads secrets" for who in ("web", "worker")
    },
    **{Grant(who, "monitoringMetricsPublisher", "insights"): "telemetry" for who in ("function", "web", "worker")},
    Grant("function", "blobDataOwner", "functionStorage"): "AzureWebJobsStorage and the app's package",
    Grant(
        "function", "queueDataContributor", "functionStorage"
    ): "the blob trigger's queues, which the host keeps there",
    Grant("function", "accountContributor", "functionStorage"): "the blob trigger's host makes what it keeps there",
    Grant("function", "blobDataOwner", "storage"): "the blob trigger of a shared container",
    Grant("function", "queueDataContributor", "storage"): "the blob trigger of a shared container",
    Grant("topic", "blobDataContributor", "deadLetters"): "Event Grid's dead letters",
    Grant("operatorId", "blobDataContributor", "storage"): "the smoke test's upload, by whoever deploys",
}


def calls_in(path: Path) -> set[str]:
    """Names of the clients' methods that a file calls or hands on, those that send something."""
    methods = {name for client in CLIENTS for name in dir(client) if not name.startswith("_")} - LOCAL
    names = {node.attr for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Attribute)}
    # An attribute, such as a client's `url`, sends nothing.
    return {name for name in names & methods if any(callable(getattr(client, name, None)) for client in CLIENTS)}


def files_with_azure(folder: Path) -> list[Path]:
    return [
        path for path in sorted(folder.rglob("*.py")) if re.search("^from azure", path.read_text("utf-8"), re.MULTILINE)
    ]


SERVICE_CALLS = set().union(*map(calls_in, files_with_azure(REPOSITORY / "service")))
FUNCTION_CALLS = set().union(*map(calls_in, files_with_azure(REPOSITORY / "cloud_function")))
# Only `doctor` asks for these, and it is run where the worker is.
DOCTOR = {"list_queues", "list_tables"}
# A worker writes results; uploads are taken in by the web server.
OF_THE_ACCOUNT = {"list_containers", "list_queues", "list_tables", "get_user_delegation_key"}


def grants() -> list[Grant]:
    """Every assignment of access.bicep, loops and conditions unrolled."""
    text = (BICEP / "modules" / "access.bicep").read_text("utf-8")
    lists = {
        "onStorage": re.findall(r"\{ who: (\w+), role: (.+?) \}", text),
        **{
            name: [
                ("function", f"roles.{role}")
                for role in re.findall(r"roles\.(\w+)", re.search(rf"^var {name} = .* : (.*)$", text, re.MULTILINE)[1])
            ]
            for name in ("forBlobTrigger", "forHost")
        },
    }
    return [
        grant
        for block in re.findall(r"^resource \w+ 'Microsoft\.Authorization.*?^\}", text, re.M | re.S)
        for grant in _of_block(block, lists)
    ]


def _of_block(block: str, lists: dict[str, list[tuple[str, str]]]) -> Iterator[Grant]:
    scope = re.search(r"scope: (\w+)", block)[1]
    principal = re.search(r"principalId: ([\w.]+)", block)[1]
    role = re.search(r"roleDefinitions', ([\w.]+)\)", block)[1]
    # The name is made of all three, so that each assignment has one of its own and keeps it.
    assert f"guid({scope}.id, {principal}, {role})" in block
    loop = re.search(r"= \[for (\w+) in (\w+|\[.*?\]):", block)
    if not loop:
        yield Grant(principal, role.removeprefix("roles."), scope)
    elif loop[2].startswith("["):
        for who in re.findall(r"\w+", loop[2]):
            yield Grant(who, role.removeprefix("roles."), scope)
    else:
        for who, roles in lists[loop[2]]:
            # `condition ? one : other`: the last is the one of a deployment with results and uploads apart.
            yield Grant(who, re.findall(r"roles\.(\w+)", roles)[-1], scope)


GRANTS = grants()
# Symbol and name of each queue on which roles are assigned.
QUEUES_WITH_ROLES: dict[str, str] = dict(
    re.findall(
        r"^resource (\w+) 'Microsoft.Storage/storageAccounts/queueServices/queues@.+? existing = \{.*?^  name: (.+?)$",
        (BICEP / "modules" / "access.bicep").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
)


def scopes_of(who: str, call: str) -> list[str]:
    """Where a call is made; a role on any of these scopes, or on the account, allows it there."""
    needed = next(iter(NEEDS[call][0]))
    if call in OF_THE_ACCOUNT:
        return ["storage"]
    if needed.startswith(QUEUES):
        return list(QUEUES_WITH_ROLES)
    if needed.startswith(TABLES):
        return ["records"]
    reads = needed in _READER
    return ["results"] if who == "worker" and not reads else ["storage"]


def allowed(who: str, call: str, given: list[Grant]) -> bool:
    """At every place where the call is made."""
    return all(
        any(
            way
            <= frozenset().union(
                *(ROLES[one.role].grants for one in given if one.who == who and one.scope in ("storage", place))
            )
            for way in NEEDS[call]
        )
        for place in scopes_of(who, call)
    )


CALLS = {"web": SERVICE_CALLS - DOCTOR, "worker": SERVICE_CALLS, "function": FUNCTION_CALLS}


def test_the_calls_are_found() -> None:
    assert {"download_blob", "commit_block_list", "update_message", "query_entities", *DOCTOR} <= SERVICE_CALLS
    assert sorted(FUNCTION_CALLS) == ["get_blob_properties"]
    unknown = (SERVICE_CALLS | FUNCTION_CALLS) - set(NEEDS)
    assert not unknown, f"say in NEEDS what these need: {unknown}"


def test_what_is_known_of_calls_is_about_calls_that_exist() -> None:
    assert all(any(hasattr(client, name) for client in CLIENTS) for name in NEEDS)


def test_roles_are_the_built_in_ones() -> None:
    text = (BICEP / "modules" / "access.bicep").read_text("utf-8")
    named = dict(re.findall(r"^  (\w+): '([0-9a-f-]{36})'$", text, re.MULTILINE))
    assert named == {name: role.id for name, role in ROLES.items()}
    assert len(GRANTS) == len(set(GRANTS)) == text.count("principalType: 'ServicePrincipal'") + _unrolled(text)
    # No role is assigned anywhere else.
    others = [path.name for path in BICEP.rglob("*.bicep") if "roleAssignments@" in path.read_text("utf-8")]
    assert others == ["access.bicep"]


def _unrolled(text: str) -> int:
    """How many more assignments the loops make than they have lines, plus the operator's, which is of a person."""
    loops = re.findall(r"= \[for \w+ in (\w+|\[.*?\]):", text)
    lengths = {"onStorage": len(re.findall(r"\{ who: ", text)), "forBlobTrigger": 2, "forHost": 3}
    return sum(lengths.get(one, len(re.findall(r"\w+", one))) - 1 for one in loops) + 1


@pytest.mark.parametrize(("who", "call"), [(who, call) for who, calls in CALLS.items() for call in sorted(calls)])
def test_every_call_is_allowed(who: str, call: str) -> None:
    assert allowed(who, call, GRANTS)


@pytest.mark.parametrize("grant", sorted(GRANTS, key=repr), ids=lambda grant: f"{grant.who}-{grant.role}-{grant.scope}")
def test_no_role_is_for_nothing(grant: Grant) -> None:
    if grant in NOT_FOR_CALLS:
        return
    fewer = [one for one in GRANTS if one not in {grant, *NOT_FOR_CALLS}]
    lost = [call for call in CALLS[grant.who] if not allowed(grant.who, call, fewer)]
    assert lost, "nobody would miss it"


class NamedQueues(QueueServiceClient):
    """Notes which queues are opened; none of them need be there."""

    def get_queue_client(self, queue: Any, **options: Any) -> QueueClient:
        self.names.add(queue)
        return super().get_queue_client(queue, **options)


def test_every_queue_of_the_code_is_made_by_bicep_with_roles_on_it() -> None:
    service = NamedQueues("https://media.queue.core.windows.net", "a2V5")
    service.names = set()
    for kind in (JobQueue, *SideQueue.__subclasses__()):
        kind(service, "jobs")
    assert {"jobs", "jobs-poison", "jobs-reports", "jobs-callbacks"} <= service.names
    made = re.search(r"^var queueNames = \[(.+)\]$", (BICEP / "modules" / "storage.bicep").read_text("utf-8"), re.M)
    for names in (made[1].split(", "), QUEUES_WITH_ROLES.values()):
        assert {one.strip("'").replace("${queueName}", "jobs").replace("queueName", "jobs") for one in names} == (
            service.names
        )


def test_queues_and_tables_are_opened_where_this_file_looks() -> None:
    def opening(call: str) -> set[str]:
        folder = REPOSITORY / "service"
        files = [path for path in folder.rglob("*.py") if f".{call}(" in path.read_text("utf-8")]
        return {path.relative_to(folder).as_posix() for path in files}

    assert opening("get_queue_client") == {"jobs/job_queue.py", "jobs/side_queue.py"}
    # One table; the sweep's lease is a row of it.
    assert opening("get_table_client") == {"jobs/job_table.py", "jobs/sweep/lease.py"}


def test_only_what_is_assigned_is_explained() -> None:
    assert set(NOT_FOR_CALLS) <= set(GRANTS)


def test_a_reader_may_not_write() -> None:
    readers = [Grant("worker", "blobDataReader", "storage"), Grant("worker", "queueDataReader", "storage")]
    may: Callable[[str], Any] = partial(allowed, "worker", given=readers)
    assert may("download_blob") and may("peek_messages")
    assert not may("upload_blob") and not may("receive_message") and not may("get_entity")
