"""The reference picture against its record: the exit code, and JSON that every reader takes."""

from __future__ import annotations

import json

import pytest

from service.cli.canary import _report
from service.worker.canary_record import Record

RECORD = Record("engine 1", {"AU12_r": 1.0, "pose_Tz": 500.0})


def reported(capsys: pytest.CaptureFixture[str], measured: dict[str, float]) -> tuple[int, dict]:
    code = _report(RECORD, measured, as_json=True)
    text = capsys.readouterr().out

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return code, json.loads(text, parse_constant=refuse)


def test_equal_values_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = reported(capsys, dict(RECORD.values))
    assert (code, told["good"], told["drift"], told["engine"]) == (0, True, 0, "engine 1")


def test_a_value_beyond_its_tolerance_fails(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = reported(capsys, {"AU12_r": 1.0, "pose_Tz": 900.0})
    assert (code, told["good"]) == (1, False)
    [group] = [each for each in told["groups"] if each["column"] == "pose_Tz"]
    assert told["drift"] == group["tolerances"] == pytest.approx(400 / group["tolerance"], abs=1e-3)


def test_a_value_that_is_not_measured_any_more_fails_without_a_number(capsys: pytest.CaptureFixture[str]) -> None:
    code, told = reported(capsys, {"AU12_r": 1.0})
    assert (code, told["good"], told["drift"]) == (1, False, None)
    assert _report(RECORD, {"AU12_r": 1.0}, as_json=False) == 1
    assert "inf" in capsys.readouterr().out


def test_a_record_without_values_is_no_proof() -> None:
    assert _report(Record("engine 1", {}), {}, as_json=False) == 1
