"""The documentation states of the analyser what the code says."""

import pytest

from benchmarks.fidelity import AIMS
from openface_lite import action_units, model_facts
from tests.openface_lite.engine_runs import REPOSITORY

PAGE = (REPOSITORY / "docs" / "engines-and-fidelity.md").read_text()


@pytest.mark.parametrize("file", model_facts.FILES, ids=lambda file: file.name)
def test_page_describes_each_model_file(file):
    assert f"| `{file.name}` | {file.purpose} | {file.input} | {file.output} |\n" in PAGE


@pytest.mark.parametrize("name", list(action_units.MEASURED))
def test_page_describes_each_measured_unit(name):
    unit = action_units.MEASURED[name]
    assert f"| {name} | {unit.support} | {unit.rests_on} | {unit.cannot_tell} |\n" in PAGE


def test_page_names_no_other_unit_as_measured():
    assert PAGE.count("| supported |") + PAGE.count("| weak |") == len(action_units.MEASURED)


def test_page_states_the_aims_of_the_benchmark():
    aims = {(aim.of, aim.what): aim.bound for aim in AIMS}
    assert f"landmarks {aims['landmarks', 'all 68']} %" in PAGE
    assert f"pitch and yaw {aims['head pose', 'pitch']}°" in PAGE
    assert aims["head pose", "pitch"] == aims["head pose", "yaw"]
    assert f"roll {aims['head pose', 'roll']}°" in PAGE
    for unit in ("AU01", "AU12", "AU45", "AU25"):
        assert f"≥ {str(aims[unit, 'r'].at_least).lstrip('0')} for {unit}" in PAGE
