"""Lines of `doctor`: the finding with its advice, as JSON too."""

from __future__ import annotations

import json

from service.cli.doctor_checks.check import failed, ok, skipped, warning


def test_each_kind_of_line_has_its_status_and_what_belongs_to_it() -> None:
    assert (ok("a", "well").status, ok("a", "well").advice) == ("ok", "")
    assert (failed("a", "bad", "mend it").status, failed("a", "bad", "mend it").advice) == ("failed", "mend it")
    assert warning("a", "odd", "look", seconds=0.12345).as_dict() == {
        "name": "a",
        "status": "warning",
        "said": "odd",
        "advice": "look",
        "seconds": 0.123,
    }
    assert (skipped("a", "no engine").status, skipped("a", "no engine").said) == ("skipped", "no engine")
    assert json.dumps(ok("a", "well").as_dict())
