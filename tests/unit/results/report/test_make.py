"""Reports made one after the other in a child: its limits, and uploads that end it."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.errors import ReportFailed
from service.results.report.make import ReportMaker, ReportRequest
from tests.fixtures.reports_made import Made, write_report

# Together, since making the reports of the fixtures takes seconds.
pytestmark = pytest.mark.xdist_group("reports")


def test_time_is_limited(openface: Made, tmp_path: Path) -> None:
    with pytest.raises(ReportFailed, match="not made within"):
        write_report(ReportRequest(openface.csv, openface.manifest, None), tmp_path, ReportMaker([], time_s=0.05))


def test_several_reports_come_of_one_child(openface: Made, portrait: Made) -> None:
    with capture_logs() as logs, closing(ReportMaker([openface.csv, portrait.csv])) as maker:
        made = [maker.make(ReportRequest(each.csv, each.manifest, None)) for each in (openface, portrait, openface)]
    assert [entry["event"] for entry in logs].count("pool.child_ready") == 1
    assert made[0] == made[2]


def test_a_child_that_ends_over_an_upload_leaves_the_picture_out(openface: Made, tmp_path: Path) -> None:
    # A file that never ends keeps the decoder at work until the time is over, as a hostile one may.
    endless = tmp_path / "endless"
    os.mkfifo(endless)
    made = write_report(
        ReportRequest(openface.csv, openface.manifest, endless),
        tmp_path,
        ReportMaker([openface.csv, tmp_path], time_s=8.0),
    )
    assert "No picture: the upload could not be decoded again." in made["report.html"].read_text("utf-8")
