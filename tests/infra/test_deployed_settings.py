"""Nothing can be set in Bicep or the chart that the code does not read, and what is set there can be used."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.checks.chart import CHART, render
from infra.checks.check import BICEP, VARIANTS, values_for
from infra.checks.pods import environment, pods, problems
from infra.steps import REPOSITORY, NotRun, StepFailed
from service.jobs import callback_queue, report_queue
from service.jobs.callbacks import CallbackRules
from service.jobs.upload_places import container_of
from service.settings import Settings
from tests.infra.function_code import FUNCTION_APP

SERVICE = {name.upper() for name in Settings.model_fields}
FUNCTIONS = set(re.findall(r'given\.get\("(\w+)"', (FUNCTION_APP / "function_settings.py").read_text("utf-8")))
AZURE_IDENTITY = {"AZURE_CLIENT_ID"}  # which of several identities to take: read by azure-identity itself
FUNCTIONS_HOST = {
    # Connections by identity, and where telemetry goes: the host's own names.
    *(f"{connection}__{part}" for connection in ("AzureWebJobsStorage", "MEDIA_STORAGE") for part in ("credential",)),
    "AzureWebJobsStorage__accountName",
    "AzureWebJobsStorage__clientId",
    "MEDIA_STORAGE__queueServiceUri",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
    "PYTHON_THREADPOOL_THREAD_COUNT",
}
CONTAINERS = ("web", "worker", "scheduled")


def bicep_variables(module: str) -> dict[str, str]:
    """Name and value, or the name of its secret, as they are written."""
    text = (BICEP / "modules" / f"{module}.bicep").read_text("utf-8")
    return dict(re.findall(r"\{ name: '([A-Z][A-Z_]+)', (?:value|secretRef): (.+?) \}", text))


def function_variables() -> dict[str, str]:
    text = (BICEP / "modules" / "function.bicep").read_text("utf-8")
    settings = re.search(r"^var always = .*?^resource settings", text, re.MULTILINE | re.DOTALL)
    assert settings
    return dict(re.findall(r"^  (\w+): (.+)$", settings[0], re.MULTILINE))


def environment_for_all() -> dict[str, str]:
    """Of main.bicep, handed to every module that starts a container."""
    text = (BICEP / "main.bicep").read_text("utf-8")
    return dict(re.findall(r"^  \{ name: '([A-Z][A-Z_]+)', value: (.+?) \}$", text, re.MULTILINE))


def test_what_bicep_sets_in_every_container_is_a_setting() -> None:
    variables = environment_for_all()
    some = {"APPLICATIONINSIGHTS_CONNECTION_STRING", "OTEL_TRACES_SAMPLER_ARG", "METRICS_PORT"}
    assert some | {"ENGINES_AVAILABLE", "REPORTS_BY"} <= set(variables)
    assert set(variables) <= SERVICE
    main = (BICEP / "main.bicep").read_text("utf-8")
    assert main.count("environment: environmentVariables") == 4
    for module in CONTAINERS:
        text = (BICEP / "modules" / f"{module}.bicep").read_text("utf-8")
        assert re.search(r"\], galleries, (callbacks, )?environment\)", text), module


@pytest.mark.parametrize("module", CONTAINERS)
def test_what_bicep_sets_for_the_service_is_a_setting(module: str) -> None:
    variables = bicep_variables(module)
    assert {"STORAGE_ACCOUNT", "QUEUE_NAME", "TABLE_NAME", "RESULTS_CONTAINER"} <= set(variables)
    assert set(variables) <= SERVICE | AZURE_IDENTITY
    said = {name: value.strip("'") for name, value in variables.items() if value.startswith("'")}
    assert Settings.load({name: value for name, value in said.items() if "-" not in value})


def test_what_bicep_sets_for_the_function_is_a_setting_of_it() -> None:
    variables = function_variables()
    assert {"SERVICE_URL", "SERVICE_API_KEY", "NEXT_STAGE_SECRET", "SHARED_CONTAINER"} <= set(variables)
    assert set(variables) <= FUNCTIONS | FUNCTIONS_HOST


def test_secrets_come_out_of_the_vault() -> None:
    secret = re.compile(r"KEYS?$|SECRET$|CONNECTION_STRING$|DATABASE$")
    for module in CONTAINERS:
        for name, value in bicep_variables(module).items():
            if secret.search(name):
                assert f"{{ name: '{name}', secretRef: {value} }}" in (
                    (BICEP / "modules" / f"{module}.bicep").read_text("utf-8")
                )
            assert bicep_variables(module)["IDENTITY_DATABASE"] == "'identity-database'"
    web = (BICEP / "modules" / "web.bicep").read_text("utf-8")
    assert bicep_variables("web")["API_KEYS_FILE"] == "'/keys/api-keys'"
    assert "storageType: 'Secret', secrets: [{ secretRef: 'api-keys', path: 'api-keys' }]" in web
    assert "{ volumeName: 'keys', mountPath: '/keys' }" in web
    for name, value in function_variables().items():
        # Application Insights' string names an address; writing there needs the identity.
        if secret.search(name) and name != "APPLICATIONINSIGHTS_CONNECTION_STRING":
            assert value.startswith("'@Microsoft.KeyVault("), name


def test_an_execution_may_last_as_long_as_its_longest_item() -> None:
    text = (BICEP / "modules" / "worker.bicep").read_text("utf-8")
    numbers = {name: int(value) for name, value in re.findall(r"^var (\w+) = (\d+)$", text, re.MULTILINE)}
    settings = Settings.load({})
    assert numbers["engineTimeLimitS"] == settings.engine_time_limit_s
    assert numbers["engineTimeLimitPerMediaS"] == settings.engine_time_limit_per_media_s
    assert "longestItemS = engineTimeLimitS + engineTimeLimitPerMediaS * maxDurationS" in text
    assert "replicaTimeout: takeForS + longestItemS + besidesEngineS" in text


def template_variables(template: str) -> set[str]:
    text = (CHART / "templates" / template).read_text("utf-8")
    return set(re.findall(r"\bname: ([A-Z][A-Z_]+)\b", text))


@pytest.mark.parametrize("template", ["_helpers.tpl", "web.yaml", "_worker.tpl", "sweeper.yaml"])
def test_what_the_chart_sets_for_the_service_is_a_setting(template: str) -> None:
    assert template_variables(template) <= SERVICE
    assert template_variables(template) or template == "sweeper.yaml"


def test_what_the_chart_sets_for_the_function_is_a_setting_of_it() -> None:
    assert {"SERVICE_URL", "MEDIA_STORAGE"} <= template_variables("functions.yaml") <= FUNCTIONS


@pytest.mark.parametrize("path", sorted(CHART.glob("values*.yaml")), ids=lambda path: path.stem)
def test_values_name_secrets_and_hold_none(path: Path) -> None:
    def walk(value: Any, name: str) -> None:
        if isinstance(value, dict):
            for key, one in value.items():
                walk(one, key if not re.search("Secret$|^secret$", name) else name)
        elif re.search("[sS]ecret|[pP]assword|[cC]onnectionString", name) and value:
            assert re.fullmatch(r"[a-z][a-z-]{0,30}", str(value)), f"{name}: {value}"

    walk(yaml.safe_load(path.read_text("utf-8")), "")


def rendered(variant: str) -> list[dict[str, Any]]:
    return rendered_of(values_for(variant))


def rendered_of(values: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        return render(values)
    except NotRun as reason:
        pytest.skip(f"{reason}; `make infra-check` gets it")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_rendered_chart_starts_what_it_sets(variant: str) -> None:
    manifests = rendered(variant)
    assert problems(manifests) == []
    documented = (REPOSITORY / "docs" / "reference" / "settings.md").read_text("utf-8")
    for _, name, pod in pods(manifests):
        (container,) = pod["containers"]
        variables = environment(container)
        if container["name"] in ("functions", "azurite"):
            continue
        given = {key: value for key, value in variables.items() if value not in ("secretKeyRef", "fieldRef")}
        # Refused without it.
        signed = {"CALLBACK_SECRET": "s" * 16} if "CALLBACK_SECRET" in variables else {}
        settings = Settings.load(given | signed)
        by_secret = variables.get("AZURE_STORAGE_CONNECTION_STRING") == "secretKeyRef"
        assert by_secret != bool(settings.storage_account), name
        assert all(f"| `{key}` |" in documented for key in variables)
        if container["name"] == "worker":
            assert pod["terminationGracePeriodSeconds"] > settings.shutdown_grace_s


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no storage": ({"azurite": {"enabled": False}}, "set one of storage.account"),
    "two storages": ({"storage": {"account": "media"}}, "set one of storage.account"),
    "a name that is mistyped": ({"worker": {"engnes": 2}}, "engnes"),
    "a value of another kind": ({"worker": {"scaling": "often"}}, "scaling"),
    "a digest that is none": ({"image": {"digest": "sha256:short"}}, "digest"),
    "an engine without a folder": ({"enginesAvailable": "lite"}, "enginesAvailable"),
    "a lower-case variable": ({"extraEnvironment": [{"name": "max_attempts", "value": "3"}]}, "extraEnvironment"),
    "two places of traces": (
        {"traces": {"otlpEndpoint": "http://collector:4318", "connectionStringSecret": {"name": "t", "key": "k"}}},
        "set one of traces",
    ),
    "callbacks without a secret": ({"callbacks": {"hosts": ["a.example"]}}, "callbacks.hosts needs callbacks.secret"),
    "a callback's address for a host": ({"callbacks": {"hosts": ["https://a.example/"]}}, "callbacks.hosts"),
    "galleries in a pod": ({"galleries": {"enabled": True}}, "SQLite in a pod does not last"),
    "no keys": ({"keys": {"allowAnonymous": False}}, "set keys.secret.name"),
}


def test_the_schema_has_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    schema["properties"].pop("global")  # Helm's own

    def names(value: Any, known: dict[str, Any], place: str) -> None:
        if known.get("type") != "object" or "properties" not in known:
            return
        assert known["additionalProperties"] is False, place
        if place.endswith((".requests", ".limits")):
            assert set(value) <= set(known["properties"])
            return
        assert set(value) == set(known["properties"]), place
        for name, one in value.items():
            names(one, known["properties"][name], f"{place}.{name}")

    names(yaml.safe_load((CHART / "values.yaml").read_text("utf-8")), schema, "values")


def manifest(manifests: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    [found] = [one for one in manifests if one["kind"] == kind]
    return found


def test_a_worker_job_is_never_scaled_in_and_ends_by_itself() -> None:
    manifests = rendered("with everything that can be set")
    kinds = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    assert ("Deployment", "test-release-worker") not in kinds
    spec = manifest(manifests, "ScaledJob")["spec"]
    pod = spec["jobTargetRef"]["template"]["spec"]
    assert pod["containers"][0]["args"] == ["worker", "--until-idle", "60", "--take-for", "3600"]
    assert pod["restartPolicy"] == "Never"
    annotations = spec["jobTargetRef"]["template"]["metadata"]["annotations"]
    assert annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
    # No time limit of the platform's may cut a long video off.
    assert "activeDeadlineSeconds" not in spec["jobTargetRef"]
    assert spec["rollout"] == {"strategy": "gradual"}
    assert pod["nodeSelector"] == {"pool": "work"}
    assert pod["tolerations"] == [{"key": "work", "operator": "Exists", "effect": "NoSchedule"}]


def test_more_engines_are_named_to_web_and_workers_alike() -> None:
    named = {
        name: environment(pod["containers"][0]).get("ENGINES_AVAILABLE")
        for _, name, pod in pods(rendered("with everything that can be set"))
    }
    for part in ("web", "worker"):
        folders = Settings.load({"ENGINES_AVAILABLE": named[f"test-release-{part}"] or ""}).engine_folders
        assert folders == {"lite": Path("/app/openface_lite/bin")}


def test_workers_that_make_reports_are_started_by_their_queue_as_well() -> None:
    manifests = rendered("with everything that can be set")
    triggers = manifest(manifests, "ScaledJob")["spec"]["triggers"]
    jobs, reports = (trigger["metadata"]["queueName"] for trigger in triggers[:2])
    assert reports == f"{jobs}{report_queue.SUFFIX}"
    for part in ("web", "worker"):
        [variables] = [
            environment(pod["containers"][0]) for _, name, pod in pods(manifests) if name == f"test-release-{part}"
        ]
        assert Settings.load({"REPORTS_BY": variables["REPORTS_BY"]}).reports_by == "worker"
    assert "queueName: '${queueName}-reports'" in (BICEP / "modules" / "worker.bicep").read_text("utf-8")


CALLBACKS = {"hosts": ["hooks.example.org", ".example.com"], "secret": {"name": "callbacks", "key": "callback-secret"}}


@pytest.mark.parametrize(("scaling", "kind"), [("keda", "ScaledObject"), ("keda-jobs", "ScaledJob")])
def test_callbacks_that_wait_start_a_worker_and_those_that_failed_start_none(scaling: str, kind: str) -> None:
    values = values_for("for Azure")
    values["worker"] |= {"scaling": scaling}
    without = manifest(rendered_of(values), kind)["spec"]["triggers"]
    values["callbacks"] |= CALLBACKS
    *others, calls = manifest(rendered_of(values), kind)["spec"]["triggers"]
    assert others == without
    assert calls["metadata"]["queueName"] == others[0]["metadata"]["queueName"] + callback_queue.SUFFIX
    # Hidden until its next try, for hours.
    assert calls["metadata"]["queueLengthStrategy"] == "visibleonly"
    assert calls["authenticationRef"] == others[0]["authenticationRef"]


def test_in_bicep_too_callbacks_that_wait_start_a_worker_and_those_that_failed_start_none() -> None:
    text = (BICEP / "modules" / "worker.bicep").read_text("utf-8")
    rule = re.search(r"^var callbacksRule = \{.*?^\}", text, re.MULTILINE | re.DOTALL)
    assert rule
    assert f"queueName: '${{queueName}}{callback_queue.SUFFIX}'" in rule[0]
    assert "queueLengthStrategy: 'visibleonly'" in rule[0]
    assert "reportsRule\n          ], withCallbacks ? [callbacksRule] : [])" in text


def test_callbacks_reach_web_and_workers_alone_with_their_secret() -> None:
    for _, name, pod in pods(rendered("with everything that can be set")):
        variables = environment(pod["containers"][0])
        if name not in ("test-release-web", "test-release-worker"):
            assert not [variable for variable in variables if variable.startswith("CALLBACK_")], name
            continue
        assert variables["CALLBACK_SECRET"] == "secretKeyRef"
        settings = Settings.load(
            {
                **{key: variables[key] for key in ("CALLBACK_HOSTS", "CALLBACK_ALLOW_PRIVATE")},
                "CALLBACK_SECRET": "s" * 16,
            }
        )
        rules = CallbackRules.of(settings)
        assert rules.check("https://hooks.example.org/a").host == "hooks.example.org"
        assert rules.check("https://one.example.com/").host == "one.example.com"
        assert not rules.allow_private
    for module in ("web", "worker"):
        assert bicep_variables(module)["CALLBACK_HOSTS"] == "callbackHosts"
        assert bicep_variables(module)["CALLBACK_SECRET"] == "'callback-secret'"
        assert "callbackSecrets)" in (BICEP / "modules" / f"{module}.bicep").read_text("utf-8")
    assert "CALLBACK_HOSTS" not in bicep_variables("scheduled")


def test_callbacks_without_hosts_are_off_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for _, _, pod in pods(rendered("for Azure")):
        assert not {"CALLBACK_HOSTS", "CALLBACK_SECRET"} & set(environment(pod["containers"][0]))
    # What compose sets where `.env` has neither.
    compose = (REPOSITORY / "infra" / "compose" / "compose.yaml").read_text("utf-8")
    defaults = dict(re.findall(r"^  (CALLBACK_\w+): \$\{\1:-(.*)\}$", compose, re.MULTILINE))
    assert set(defaults) == {"CALLBACK_HOSTS", "CALLBACK_SECRET", "CALLBACK_ALLOW_PRIVATE"}
    for name, value in defaults.items():
        monkeypatch.setenv(name, value)
    settings = Settings.load()
    assert (settings.callback_hosts, settings.callback_secret) == ("", None)


def test_workers_alone_may_call_what_callbacks_may_name() -> None:
    values = values_for("with Azurite")
    values["callbacks"] |= CALLBACKS

    def way_out() -> tuple[dict[str, Any], Any]:
        [policy] = [one for one in rendered_of(values) if one["metadata"]["name"] == "test-release-callbacks"]
        [rule] = policy["spec"]["egress"]
        [peer] = rule["to"]
        assert policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "worker"
        return peer["ipBlock"], rule["ports"]

    block, ports = way_out()
    assert ports == [{"protocol": "TCP", "port": 443}]
    for refused in ("10.1.2.3", "100.64.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1"):
        assert any(ip_address(refused) in ip_network(network) for network in block["except"]), refused
    values["callbacks"] |= {"allowPrivate": True}
    values["networkPolicies"] |= {"callbackPorts": [443, 8080]}
    block, ports = way_out()
    assert block == {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}
    assert [port["port"] for port in ports] == [443, 8080]


def test_a_private_network_lets_callbacks_out_where_they_are_set() -> None:
    main = (BICEP / "main.bicep").read_text("utf-8")
    assert "callbackAddresses: empty(callbackHosts) ? [] : callbackAddresses" in main
    text = (BICEP / "modules" / "network.bicep").read_text("utf-8")
    allowed, refused = (int(found) for found in re.findall(r"priority: (300|1000)\b", text))
    assert allowed < refused
    assert "concat(serviceRules, callbackRules, [" in text


def test_what_pages_and_client_upload_ends_by_the_lifecycle_rule_too() -> None:
    text = (BICEP / "modules" / "storage.bicep").read_text("utf-8")
    prefixes = re.findall(r"'([^']+)'", re.search(r"var ofPagesAndClient = \[(.*)\]", text)[1])
    assert container_of("lab", "20261231").startswith(prefixes[0])
    # Those of earlier releases.
    assert prefixes[1:] == ["web-", "c-"]
    assert "prefixMatch: concat([uploadContainerPrefix], ofPagesAndClient)" in text


def test_keys_are_a_file_that_kubernetes_renews() -> None:
    [web] = [pod for _, name, pod in pods(rendered("for Azure")) if name == "test-release-web"]
    [container] = web["containers"]
    assert environment(container)["API_KEYS_FILE"] == "/keys/api-keys"
    assert "API_KEYS" not in environment(container)
    [mount] = [one for one in container["volumeMounts"] if one["name"] == "keys"]
    assert mount == {"name": "keys", "mountPath": "/keys", "readOnly": True}
    [volume] = [one for one in web["volumes"] if one["name"] == "keys"]
    assert volume["secret"]["secretName"] == "faceline"
    # Long enough for proxies to hear of it, and within the grace period with the server's own 30 s.
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "5"]
    assert web["terminationGracePeriodSeconds"] >= 5 + 30


def test_an_image_by_digest_wins_over_its_tag() -> None:
    images = {
        container["image"]
        for _, _, pod in pods(rendered("with everything that can be set"))
        for container in pod["containers"]
    }
    assert images == {f"example.azurecr.io/faceline@sha256:{'0' * 64}"}


def test_what_the_policies_let_out_is_what_is_set() -> None:
    def outlets(variant: str) -> list[Any]:
        policies = [one for one in rendered(variant) if one["kind"] == "NetworkPolicy"]
        return [rule for one in policies for rule in one["spec"].get("egress", [])]

    everything = str(outlets("with everything that can be set"))
    for part in ("10.1.2.0/24", "10.1.3.0/24", "'port': 5432", "'port': 4318"):
        assert part in everything
        assert part not in str(outlets("for Azure"))


@pytest.mark.parametrize("case", REFUSED)
def test_the_chart_refuses_what_cannot_work(case: str) -> None:
    changed, sentence = REFUSED[case]
    values = values_for("with Azurite")
    for key, value in changed.items():
        values[key] = values[key] | value if isinstance(value, dict) else value
    try:
        with pytest.raises(StepFailed, match=sentence):
            render(values)
    except NotRun as reason:
        pytest.skip(f"{reason}; `make infra-check` gets it")


def test_a_careless_pod_is_found() -> None:
    careless = {
        "kind": "Deployment",
        "metadata": {"name": "careless"},
        "spec": {
            "template": {
                "spec": {
                    "hostNetwork": True,
                    "containers": [{"name": "one"}],
                    "volumes": [{"name": "host", "hostPath": {"path": "/"}}, {"name": "much", "emptyDir": {}}],
                }
            }
        },
    }
    found = problems([careless])
    for word in ("root", "seccomp", "host's", "token", "not allowed", "disk", "privileges", "capabilities", "probed"):
        assert any(word in problem for problem in found), word
    assert sum("no cpu and no memory" in problem for problem in found) == 2


def web_environment(more: dict[str, Any]) -> dict[str, str]:
    values = {**values_for("with Azurite"), **more}
    try:
        manifests = render(values)
    except NotRun as reason:
        pytest.skip(f"{reason}; `make infra-check` gets it")
    [container] = [pod["containers"][0] for _, _, pod in pods(manifests) if pod["containers"][0]["name"] == "web"]
    return environment(container)


def test_a_chart_without_keys_answers_under_the_name_of_its_ingress_and_knows_its_callers() -> None:
    ingress = {"enabled": True, "className": "", "host": "faces.example.org", "tlsSecret": "", "bodySize": "2g"}
    without_keys = {"keys": {"secret": {"name": "", "key": ""}, "allowAnonymous": True}}
    given = web_environment({**without_keys, "ingress": {**ingress, "annotations": {}}})
    settings = Settings.load({name: given[name] for name in ("ALLOWED_HOSTS", "TRUSTED_PROXIES")})
    assert "faces.example.org" in settings.allowed_hosts.split(",")
    assert settings.trusted_proxies == "1"
    assert "TRUSTED_PROXIES" not in web_environment(without_keys)


def test_links_to_results_may_not_be_sent_to_the_metadata_service() -> None:
    text = (CHART / "templates" / "network-policies.yaml").read_text("utf-8")
    for destination in re.findall(r"cidr: 0\.0\.0\.0/0, except: (\S+)}", text):
        assert "169.254.0.0/16" in destination
    policy = text[text.index("# The next stage") :]
    assert "ipBlock: {cidr: 0.0.0.0/0, except: [169.254.0.0/16]}" in policy
