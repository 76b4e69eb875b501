"""Methods paragraph and certificate: true of the engine that measured."""

from __future__ import annotations

import json

from infra.local.stack import REPOSITORY
from service.results.citations import bibliography
from service.results.methods import certificate, methods
from tests.fixtures.summaries_made import codes, summarised

LITE = json.loads((REPOSITORY / "openface_lite" / "bin" / "engine.json").read_text())


def test_openface_is_not_claimed_where_another_measured() -> None:
    summary, facts = summarised([{"AU12_r": 1.0}] * 5, engine=LITE)
    paragraph = methods(summary, facts)
    assert f"measured with openface_lite {LITE['version']}" in paragraph
    assert "is not OpenFace" in paragraph
    assert "measured with OpenFace" not in paragraph
    assert "baltrusaitis" not in paragraph + bibliography(facts)
    assert "AU26 and AU45 (AU02, AU05, AU07, AU10 and AU26 weakly) and the presence of AU45;" in paragraph
    assert {"not_openface", "weak_action_units", "not_measured", "cheeks_not_seen"} <= codes(summary)


def test_the_methods_count_frames() -> None:
    rows = [{"AU12_r": 1.0}] * 90 + [{"AU12_r": 5.0, "success": 0}] * 10
    paragraph = methods(*summarised(rows))
    assert "The table holds 100 of 100 frames; a face was tracked in 90." in paragraph
    assert "the 90 frames with success 1 and a confidence of at least 0.75 (90.0%)" in paragraph
    assert "dynamic action-unit models" in paragraph


def test_the_certificate_repeats_verdict_reason_and_hash() -> None:
    summary, facts = summarised(
        [{"AU12_r": 1.0}] * 50, completeness={"verdict": "partial", "reason": "50 of 60 frames"}
    )
    named = dict(certificate(summary, facts))
    assert (named["Verdict"], named["Reason"]) == ("partial", "50 of 60 frames")
    assert named["Equal to the manifest's SHA-256"] == "yes"
    assert named["Exit code of the engine"] == "0"
    other = summary.model_copy(update={"table": summary.table.model_copy(update={"as_published": False})})
    assert dict(certificate(other, facts))["Equal to the manifest's SHA-256"] == "NO"
