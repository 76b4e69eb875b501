import json
import re

import pytest
from function_settings import FunctionSettings, InvalidSettings

from tests.cloud_function.app_under_test import APP_FOLDER

NAMES = set(re.findall(r'given\.get\("(\w+)"', (APP_FOLDER / "function_settings.py").read_text()))


def test_only_the_service_is_needed():
    settings = FunctionSettings.from_env({"SERVICE_URL": "http://service/"})
    assert settings == FunctionSettings("http://service")


def test_the_message_lists_all_problems():
    environ = {
        "SERVICE_URL": "service",
        "EVENT_TIME_LIMIT_S": "soon",
        "UPLOAD_SUFFIXES": ".jpg exe",
        "DEFAULT_MEDIA_TYPE": "studio",
        "MEDIA_STORAGE": "UseDevelopmentStorage=true",
        "MEDIA_STORAGE__blobServiceUri": "https://account.blob.core.windows.net",
        "SHARED_CONTAINER": "results",
        "BLOB_TRIGGER_SOURCE": "EventHub",
        "NEXT_STAGE_URL": "https://next",
        "NEXT_STAGE_SECRET": "short",
        "NEXT_STAGE_LINKS": "both",
    }
    with pytest.raises(InvalidSettings) as raised:
        FunctionSettings.from_env(environ)
    for name in set(environ) - {"NEXT_STAGE_URL"}:
        assert name in str(raised.value)
    assert "short" not in str(raised.value)


@pytest.mark.parametrize("limit", ["0", "-1", "nan", "inf", "30"])
def test_time_limit_is_bounded(limit):
    with pytest.raises(InvalidSettings, match="EVENT_TIME_LIMIT_S"):
        FunctionSettings.from_env({"SERVICE_URL": "http://service", "EVENT_TIME_LIMIT_S": limit})


@pytest.mark.parametrize("name", ["SERVICE_API_KEY", "NEXT_STAGE_SECRET", "MEDIA_STORAGE"])
def test_an_unresolved_key_vault_reference_is_refused(name):
    reference = "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/service-api-key)"
    with pytest.raises(InvalidSettings, match=f"{name} is a Key Vault reference that was not resolved"):
        FunctionSettings.from_env({"SERVICE_URL": "http://service", name: reference})


def test_secrets_stay_out_of_the_repr():
    environ = {
        "SERVICE_URL": "http://service",
        "SERVICE_API_KEY": "hidden-1",
        "MEDIA_STORAGE": "hidden-2",
        "NEXT_STAGE_SECRET": "hidden-3",
    }
    assert "hidden" not in repr(FunctionSettings.from_env(environ))


def test_every_setting_is_in_the_readme_and_no_other():
    table = (APP_FOLDER / "README.md").read_text().partition("## Settings")[2].partition("## Deploying")[0]
    rows = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    assert set(rows) == NAMES


def test_the_example_has_only_settings_that_exist():
    example = json.loads((APP_FOLDER / "local.settings.json.example").read_text())["Values"]
    assert set(example) - {"FUNCTIONS_WORKER_RUNTIME", "AzureWebJobsStorage", "PYTHON_THREADPOOL_THREAD_COUNT"} <= NAMES
    FunctionSettings.from_env(example)


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://next.example.org/done", True),
        ("http://next.example.org/done", False),
        ("http://192.0.2.7/done", False),
        ("http://10.0.0.7/done", False),
        ("http://127.0.0.1:9000/done", True),
        ("http://[::1]:9000/done", True),
        ("http://localhost:9000/done", True),
        ("http://receiver/done", True),
        ("http://receiver.lab.svc/done", True),
        ("http://receiver.lab.svc.cluster.local./done", True),
        ("http://cluster.local.example.org/done", False),
    ],
)
def test_links_of_results_leave_machine_and_cluster_by_tls_alone(url: str, is_taken: bool) -> None:
    given = {"SERVICE_URL": "http://service", "NEXT_STAGE_URL": url, "NEXT_STAGE_SECRET": "s" * 16}
    assert FunctionSettings.from_env(given | {"NEXT_STAGE_ALLOW_HTTP": "true"}).next_stage_url == url
    if is_taken:
        assert FunctionSettings.from_env(given).next_stage_url == url
    else:
        with pytest.raises(InvalidSettings, match="NEXT_STAGE_ALLOW_HTTP"):
            FunctionSettings.from_env(given)
