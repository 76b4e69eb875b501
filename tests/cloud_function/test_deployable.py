import ast
import json
import sys

from tests.cloud_function.app_under_test import APP_FOLDER

INSTALLED = {"azure", "azurefunctions", "requests"}


def test_the_app_imports_only_itself_and_what_it_installs():
    own = {file.stem for file in APP_FOLDER.glob("*.py")}
    for file in APP_FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            for name in names:
                assert name.partition(".")[0] in own | INSTALLED | sys.stdlib_module_names, file


def test_no_module_hides_one_of_pythons():
    assert not {file.stem for file in APP_FOLDER.glob("*.py")} & sys.stdlib_module_names


def test_only_the_settings_read_the_environment():
    for file in APP_FOLDER.glob("*.py"):
        assert ("environ" in file.read_text()) == (file.name == "function_settings.py"), file


def test_the_host_limits_are_explicit():
    host = json.loads((APP_FOLDER / "host.json").read_text())
    assert host["extensionBundle"]["version"] == "[4.*, 5.0.0)"
    assert host["functionTimeout"]
    assert host["extensions"]["blobs"]["maxDegreeOfParallelism"] >= 1
    assert host["extensions"]["queues"]["messageEncoding"] == "base64"


def test_the_triggers_are_bound_as_the_host_must_find_them(load_app):
    bindings = load_app(SHARED_CONTAINER="shared").bindings
    shared = bindings["start_shared_analysis"]
    assert shared["source"] == "EventGrid"
    assert shared["path"] == "%SHARED_CONTAINER%/{name}"
    assert shared["connection"] == "MEDIA_STORAGE"
    assert bindings["start_analysis_by_hand"]["authLevel"].value == "function"
    assert bindings["start_analysis"]["type"] == bindings["call_next_stage"]["type"] == "eventGridTrigger"


def test_the_shared_container_can_be_polled_where_no_events_come(load_app):
    bindings = load_app(SHARED_CONTAINER="shared", BLOB_TRIGGER_SOURCE="LogsAndContainerScan").bindings
    assert bindings["start_shared_analysis"]["source"] == "LogsAndContainerScan"
