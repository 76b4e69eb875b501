"""The Bicep files as far as can be read without the compiler, and what they say twice that the code says once."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

from infra.checks.azure_types import FILES as AZURE_FILES
from infra.checks.azure_types import AzureTypes
from infra.checks.azure_types import problems as type_problems
from infra.checks.bicep import BicepFile, bicep_files
from infra.checks.check import BICEP
from infra.steps import NotRun
from service.__main__ import main
from service.web.access.keys import parse_entry
from tests.infra.function_code import FUNCTION_APP, function_module

MODULES = BICEP / "modules"
FILES = bicep_files(BICEP)


def text_of(path: Path) -> str:
    return path.read_text("utf-8")


def words_in(text: str) -> list[str]:
    return re.findall(r"'([^']*)'", text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_reads(path: Path) -> None:
    assert BicepFile(path).problems() == []


BROKEN = {
    "syntax": ("param a string = \n", "syntax"),
    "undeclared": ("output o string = nowhere\n", "nothing declares nowhere"),
    "undeclared in a text": ("output o string = 'a${nowhere}'\n", "nothing declares nowhere"),
    "unused": ("param a string\n", "nothing uses a"),
    "unknown parameter": ("module m 'm.bicep' = {\n  name: 'm'\n  params: { a: 1, b: 2 }\n}\n", "m.bicep takes no b"),
    "missing parameter": ("module m 'm.bicep' = {\n  name: 'm'\n  params: {}\n}\n", "m.bicep needs a"),
    "missing file": ("module m 'n.bicep' = {\n  name: 'm'\n}\n", "there is no n.bicep"),
    "missing output": (
        "module m 'm.bicep' = {\n  name: 'm'\n  params: { a: 1 }\n}\noutput o int = m.outputs.nothing\n",
        "m.bicep has no output nothing",
    ),
    "loop variable outside": (
        "var v = [for one in [1]: one]\noutput o array = concat(v, [one])\n",
        "nothing declares one",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_found(case: str, tmp_path: Path) -> None:
    (tmp_path / "m.bicep").write_text("param a int\nparam c int = 1\noutput x int = a + c\n")
    text, problem = BROKEN[case]
    file = tmp_path / "main.bicep"
    file.write_text(text)
    assert any(problem in found for found in BicepFile(file).problems())
    assert BicepFile(tmp_path / "m.bicep").problems() == []


def test_the_parameter_file_names_parameters() -> None:
    given = set(re.findall(r"^param (\w+) =", text_of(BICEP / "main.bicepparam"), re.MULTILINE))
    params = BicepFile(BICEP / "main.bicep").params
    assert given <= set(params)
    assert {name for name, one in params.items() if not one.has_default} <= given
    read = set(re.findall(r"readEnvironmentVariable\('(\w+)'", text_of(BICEP / "main.bicepparam")))
    script = text_of(BICEP / "deploy.sh")
    assert read == set(re.findall(r"\bDEPLOY_\w+", script))


def test_events_are_filtered_as_the_function_filters() -> None:
    text = text_of(MODULES / "subscriptions.bicep")
    apis = words_in(re.search(r"var apis = \[(.*?)\]", text, re.DOTALL)[1])
    assert set(apis) == function_module("function_settings").COMPLETING_APIS
    # https://learn.microsoft.com/azure/event-grid/event-filtering#limitations
    assert len(apis) + 2 <= 25
    events = function_module("storage_events")
    types = [words_in(one) for one in re.findall(r"includedEventTypes: \[(.+)\]", text)]
    assert types == [[events.BLOB_CREATED, events.BLOB_RENAMED], [events.BLOB_CREATED]]


def test_the_blob_trigger_is_subscribed_to_the_calls_that_create() -> None:
    script = text_of(BICEP / "deploy.sh")
    calls = set(re.search(r"--advanced-filter data.api StringIn ([\w ]+)", script)[1].split())
    assert calls == function_module("function_settings").COMPLETING_APIS - {"RenameFile", "SftpRename"}
    assert f"--included-event-types {function_module('storage_events').BLOB_CREATED}" in script


def test_events_go_to_functions_that_exist() -> None:
    named = re.findall(r"/functions/(\w+)'", text_of(MODULES / "subscriptions.bicep"))
    named += re.findall(r"Host\.Functions\.(\w+)&", text_of(BICEP / "deploy.sh"))
    exist = re.findall(r'function_name\("(\w+)"\)', text_of(FUNCTION_APP / "function_app.py"))
    assert len(named) == 3
    assert set(named) <= set(exist)


def test_results_and_uploads_part_ways() -> None:
    """One subscription leaves out the place that the other one is about."""
    text = text_of(MODULES / "subscriptions.bicep")
    uploads, results = text.partition("resource results ")[::2]
    place = "${containersPath}${resultsContainer}/"
    assert "var containersPath = '/blobServices/default/containers/'" in text
    assert f"operatorType: 'StringNotBeginsWith', key: 'subject', values: ['{place}']" in uploads
    assert f"subjectBeginsWith: ownResults ? containersPath : '{place}'" in results
    assert "operatorType: 'StringNotContains', key: 'subject', values: ['/blobs/_results/']" in uploads
    assert "values: [ownResults ? '/blobs/_results/' : '/blobs/']" in results
    assert "subjectEndsWith: '.csv'" in results


def test_alerts_are_of_events_and_fields_that_the_code_logs() -> None:
    text = text_of(MODULES / "alerts.bicep")
    code = "".join(text_of(path) for path in (BICEP.parents[1] / "service").rglob("*.py"))
    # An item's outcome is logged as job.<outcome>.
    logged = {f"job.{word}" for word in re.findall(r'_outcome\("(\w+)"', code)} | set(
        re.findall(r'log\.\w+\(\s*"([\w.]+)"', code)
    )
    function = "".join(text_of(path) for path in FUNCTION_APP.glob("*.py"))
    logged |= set(re.findall(r'log_decision\(\s*"([\w.]+)"', function))
    events = set(re.findall(r'"([a-z_]+\.[a-z_]+)"', text))
    assert {"job.failed", "queues.state", "sweep.finished", "service.key_refused"} <= events
    assert events <= logged
    fields = set(re.findall(r"line\.(\w+)", text)) - {"event"}
    assert fields
    assert all(re.search(rf"\b{name}=", code) for name in fields)


def arguments_of(path: Path) -> list[list[str]]:
    lists = re.findall(r"^ +(?:args|words): \[(.+)\]$", text_of(path), re.MULTILINE)
    return [words_in(one) for one in lists]


@pytest.mark.parametrize("words", [words for path in FILES for words in arguments_of(path)], ids=lambda words: words[0])
def test_containers_are_started_with_words_that_the_command_knows(words: list[str]) -> None:
    command = main.get_command(click.Context(main), words[0])
    assert command, words[0]
    options = {text for option in command.params if isinstance(option, click.Option) for text in option.opts}
    assert {word for word in words if word.startswith("--")} <= options


def test_every_command_is_started_somewhere() -> None:
    started = {words[0] for path in FILES for words in arguments_of(path)}
    assert started == {"web", "worker", "sweep", "queues"}


def test_no_key_is_used_and_none_can_be() -> None:
    everything = "".join(map(text_of, FILES))
    assert not re.search(r"listkeys|listAccountSas|AccountKey|SharedAccessKey", everything, re.IGNORECASE)
    accounts = re.findall(r"storageAccounts@[\d-]+' = \{", everything)
    assert everything.count("allowSharedKeyAccess: false") == len(accounts) == 2
    assert everything.count("adminUserEnabled: false") == 1
    assert everything.count("disableLocalAuth: true") + everything.count("DisableLocalAuth: true") == 2


def test_scaling_uses_an_identity_on_a_version_that_knows_it() -> None:
    text = text_of(MODULES / "worker.bicep")
    version = re.search(r"Microsoft\.App/jobs@(\d{4}-\d{2}-\d{2})'", text)[1]
    assert version >= "2025-01-01"
    assert re.search(r"type: 'azure-queue'\n\s+identity: identityId", text)


def run(script: str, *words: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(BICEP / script), *words], env=dict(environ), capture_output=True, text=True, timeout=20
    )


@pytest.fixture
def without_azure(tmp_path: Path) -> dict[str, str]:
    """A PATH with the usual tools and no `az`."""
    for folder in ("/usr/bin", "/bin"):
        for name in ("cat", "dirname"):
            tool = Path(folder) / name
            if tool.exists() and not (tmp_path / name).exists():
                (tmp_path / name).symlink_to(tool)
    return {"PATH": str(tmp_path)}


@pytest.mark.parametrize("script", ["deploy.sh", "destroy.sh"])
def test_what_is_missing_is_told_in_plain_words(script: str, without_azure: dict[str, str]) -> None:
    assert "Stopped: --group is needed." in run(script, environ=without_azure).stderr
    assert "Stopped: unknown option --nonsense." in run(script, "--nonsense", environ=without_azure).stderr
    assert "Stopped: --group needs a value." in run(script, "--group", environ=without_azure).stderr
    done = run(script, "--group", "somewhere", environ=without_azure)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Stopped: the Azure CLI is not here: https://" in done.stderr


def test_a_failure_is_always_told() -> None:
    """Whatever changes something in Azure says what it means if that fails."""
    for path in (BICEP / "deploy.sh", BICEP / "destroy.sh"):
        lines = re.sub(r"\\\n\s*", "", text_of(path)).splitlines()
        changing = [line for line in lines if re.search(r"^\s*az .*\b(create|build|config-zip|recover|delete)\b", line)]
        assert changing
        tidying = [line for line in changing if "storage container delete" in line]
        assert all("|| fail" in line or "wait_for" in line for line in changing if line not in tidying), changing


def test_the_key_made_by_the_script_is_one_of_the_service() -> None:
    call = f'. {BICEP / "words.sh"}; key="fl_$(secret)"; echo "$key"; key_entry function analyse+read "$key"'
    done = subprocess.run(["/bin/sh", "-c", call], capture_output=True, text=True, check=True, env=os.environ)
    key, entry = done.stdout.split()
    known = parse_entry(entry)
    assert (known.name, known.scopes) == ("function", {"analyse", "read"})
    assert known.digest == hashlib.sha256(key.encode()).digest()
    assert len(key) == len("fl_") + 64


@pytest.mark.parametrize(
    ("total", "limit", "fits"),
    [
        ("4 * 1 + 10 * 2 + 2 * 0.25", "100", True),
        ("4 * 1 + 10 * 2 + 2 * 0.25", "24.5", True),
        ("4 * 1 + 10 * 2 + 2 * 0.25", "24", False),
        ("1 * 0.5 + 0 * 2", "0.5", True),
    ],
)
def test_the_script_compares_processors_with_the_quota(total: str, limit: str, fits: bool) -> None:
    call = f'. {BICEP / "words.sh"}; at_most "$1" "$2"'
    done = subprocess.run(["/bin/sh", "-c", call, "sh", total, limit], capture_output=True, text=True)
    assert (done.returncode == 0, done.stderr) == (fits, "")


def test_the_sum_of_processors_has_every_part_that_runs() -> None:
    total = re.search(r"output coresAtMost string = '(.+)'", text_of(BICEP / "main.bicep"))[1]
    scheduled = text_of(BICEP / "main.bicep").count("'modules/scheduled.bicep'")
    assert "cpu: json('0.25')" in text_of(MODULES / "scheduled.bicep")
    web, workers = "${limits.webReplicas} * ${webSize.cpu}", "${limits.workerExecutions} * ${worker.cpu}"
    assert total == f"{web} + {workers} + {scheduled} * 0.25"


def test_in_a_private_network_every_store_is_closed_and_has_an_endpoint() -> None:
    stores = ("storage", "function-storage", "vault")
    for name in stores:
        assert re.search(r"defaultAction: isPrivate \? 'Deny' : 'Allow'", text_of(MODULES / f"{name}.bicep")), name
    main = text_of(BICEP / "main.bicep")
    assert main.count("isPrivate: isPrivate") == len(stores) + 1  # and the network itself
    endpoints = re.findall(
        r"\{ name: '[\w-]+', target: (\w+)\.id, group: '(\w+)', zone: (\d) \}",
        text_of(MODULES / "private-endpoints.bicep"),
    )
    zones = ["blob", "queue", "table", "vault"]
    accounts = {(account, group) for account in ("storage", "functionStorage") for group in zones[:3]}
    assert {(target, group) for target, group, _ in endpoints} == accounts | {("vault", "vault")}
    assert all(zones[int(zone)] == group for _, group, zone in endpoints)
    names = words_in(
        re.search(r"var zoneNames = \[(.*?)\]", text_of(MODULES / "private-endpoints.bicep"), re.DOTALL)[1]
    )
    assert [name.split(".")[1].removesuffix("core") for name in names] == [*zones[:3], "vault"]
    assert "internal: true" in text_of(MODULES / "environment.bicep")


def test_a_public_list_of_addresses_has_the_functions_own() -> None:
    main = text_of(BICEP / "main.bicep")
    assert "concat(allowedAddresses, [virtualNetwork.outputs.functionAddress])" in main
    assert "var withNetwork = isPrivate || !empty(allowedAddresses)" in main
    assert "subnetId: withNetwork ? virtualNetwork.outputs.functionSubnetId : ''" in main


@pytest.fixture(scope="module")
def azure_types() -> AzureTypes:
    try:
        return AzureTypes.installed()
    except NotRun as reason:
        pytest.skip(f"{reason}; `make infra-check` gets it")


def test_every_type_version_and_property_is_azures(azure_types: AzureTypes) -> None:
    assert [problem for path in FILES for problem in type_problems(BicepFile(path), azure_types)] == []


def test_no_type_is_listed_that_no_file_uses() -> None:
    everything = "".join(map(text_of, FILES))
    assert {kind for kind in AZURE_FILES if f"'{kind}@" not in everything} == set()


NOT_AZURES = {
    "a type": ("Microsoft.Storage/accounts@2024-01-01", "properties: {}", "Microsoft.Storage/accounts is not in FILES"),
    "a version": ("Microsoft.Storage/storageAccounts@2024-01-02", "properties: {}", "has no version 2024-01-02"),
    "a property": (
        "Microsoft.Storage/storageAccounts@2024-01-01",
        "properties: { minimumTlsVersoin: 'TLS1_2' }",
        "minimumTlsVersoin is not a property there",
    ),
    "a place": (
        "Microsoft.App/jobs@2025-01-01",
        "properties: { configuration: { replicaTimeout: 1, triggerType: 'Manual', cronExpression: '* * * * *' } }",
        "cronExpression is not a property there",
    ),
    "a property by a variable": (
        "Microsoft.Storage/storageAccounts@2024-01-01",
        "properties: { networkAcls: { ipRules: rules } }",
        "adress is not a property there",
    ),
    "a property in a loop": (
        "Microsoft.App/jobs@2025-01-01",
        "properties: { template: { containers: [for one in [1]: { imgae: 'a' }] } }",
        "imgae is not a property there",
    ),
}


@pytest.mark.parametrize("case", NOT_AZURES)
def test_what_azure_does_not_have_is_found(case: str, tmp_path: Path, azure_types: AzureTypes) -> None:
    kind, body, problem = NOT_AZURES[case]
    file = tmp_path / "main.bicep"
    file.write_text(f"var rules = [{{ adress: '1' }}]\nresource r '{kind}' = {{\n  name: 'r'\n  {body}\n}}\n")
    found = list(type_problems(BicepFile(file), azure_types))
    assert len(found) == 1
    assert problem in found[0]
