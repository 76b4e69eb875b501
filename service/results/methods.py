"""Describe how a result was measured: a methods paragraph to paste, and the completeness certificate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.results.citations import ACTION_UNITS, GAZE, LANDMARKS, OPENFACE, publications
from service.results.manifest_reader import ManifestReader
from service.results.summary_model import Summary

UNKNOWN = "unknown"
SOURCES = {
    "options": "of stated values",
    "exif": "computed from the photo's EXIF data (35 mm equivalent focal length)",
}
"""Words for the source of a camera that is not the engine's guess."""


def methods(summary: Summary, facts: ManifestReader) -> str:
    """Write a paragraph for a methods section; citation keys of the BibTeX file stand in square brackets."""
    sentences = [
        *_engine(facts),
        *_media(facts),
        *_camera(facts),
        *_options(facts),
        *_counts(summary, facts),
        *_versions(facts),
    ]
    return " ".join(sentences) + "\n"


def _engine(facts: ManifestReader) -> Iterator[str]:
    version = _version(facts)
    if facts.is_openface:
        yield (
            f"Facial behaviour was measured with OpenFace{version} [{OPENFACE.key}]: facial landmarks and head pose by "
            f"the CE-CLM model [{LANDMARKS.key}], facial action units [{ACTION_UNITS.key}] and eye gaze [{GAZE.key}]."
        )
    elif facts.is_lite:
        models = "; ".join(f"{work.what} [{work.key}]" for work in publications(facts))
        yield (
            f"Facial behaviour was measured with openface_lite{version}, an analyser that writes OpenFace's table "
            f"format but is not OpenFace. Its models: {models}. Head pose, approximate gaze and action-unit "
            "intensities were computed from their output by rules set by hand."
        )
        levels = facts.au_support
        estimated, weak, present = (
            sorted(name[:4] for name, level in levels.items() if name.endswith(kind) and level in wanted)
            for kind, wanted in (("_r", ("supported", "weak")), ("_r", ("weak",)), ("_c", ("supported", "weak")))
        )
        if estimated:
            hint = f" ({_and(weak)} weakly)" if weak else ""
            presence = f" and the presence of {_and(present)}" if present else ""
            yield f"It estimates the intensity of {_and(estimated)}{hint}{presence}; others were not measured."
    else:
        name = facts.engine.get("name") or "an unnamed engine"
        yield f"Facial behaviour was measured with {name}{version}, a command with OpenFace's table format."


def _version(facts: ManifestReader) -> str:
    version, commit = facts.engine.get("version"), facts.engine.get("commit")
    text = f" {version}" if version else ", version unknown" if not commit else ""
    return f"{text} (commit {str(commit)[:12]})" if commit else text


def _media(facts: ManifestReader) -> Iterator[str]:
    size = facts.size
    if facts.media == "image":
        yield f"The input was a picture{f' of {size[0]} × {size[1]} pixels' if size else ''}."
    elif not facts.has_times:
        pixels = f", of {size[0]} × {size[1]} pixels" if size else ""
        yield f"The input was a sequence of {len(facts.files)} pictures{pixels}, taken as the frames of one video."
    else:
        duration, rate = facts.probed("duration_s"), facts.frame_rate
        parts = [f"of {size[0]} × {size[1]} pixels"] if size else []
        parts += [f"at {rate:.5g} frames a second"] if rate else []
        parts += [f"of {duration:.4g} s"] if duration else []
        yield f"The input was a video{' ' if parts else ''}{', '.join(parts)}."
    if facts.preparation:
        yield f"Before the analysis it was {'; '.join(facts.preparation)}."


def _camera(facts: ManifestReader) -> Iterator[str]:
    camera, source = facts.camera, facts.camera_source
    if camera and source in SOURCES:
        fx, fy, cx, cy = camera
        yield (
            f"Head pose and millimetres rest on a pinhole camera {SOURCES[source]}: fx {fx:.6g}, fy {fy:.6g}, "
            f"cx {cx:.6g} and cy {cy:.6g} pixels."
        )


def _options(facts: ManifestReader) -> Iterator[str]:
    command, options = facts.engine.get("command"), facts.options
    if not command:
        return
    parts = ["the parameters for faces in the wild" if facts.job.get("media_type") == "wild" else "default parameters"]
    # In videos OpenFace uses several views at each detection, whatever the option.
    if options.get("multi_view") and facts.media == "image":
        parts.append("several starting views a face")
    if facts.is_openface and options.get("au"):
        calibrated = options["au"] == "dynamic"
        parts.append(
            "dynamic action-unit models, calibrated over the clip" if calibrated else "static action-unit models"
        )
    several = f"at most {facts.faces_at_most} faces at once" if facts.faces_at_most else "all faces found"
    parts.append("one face (the largest)" if options.get("faces") == "one" else several)
    yield f"The command was {command}, with {_and(parts)}."


def _counts(summary: Summary, facts: ManifestReader) -> Iterator[str]:
    rows, limit = summary.rows, summary.gate.confidence
    if facts.media == "image":
        faces = f"{rows.total} face{'s' * (rows.total != 1)}"
        verb = "was" if rows.total == 1 else "were"
        yield f"{faces} {verb} found; {rows.used} had a confidence of at least {limit:g}."
        return
    frames = summary.frames
    if frames is None:
        return
    expected = f" of {frames.expected}" if frames.expected else ""
    yield f"The table holds {frames.written}{expected} frames; a face was tracked in {frames.with_face}."
    yield (
        f"Statistics rest on the {frames.used} frames with success 1 and a confidence of at least {limit:g}"
        f"{_share(frames.used, frames.written)}."
    )
    rules = summary.rules
    if rules:
        yield (
            f"An action-unit event begins at an intensity of {rules.intensity.onset:g}, lasts while it is at least "
            f"{rules.intensity.offset:g}, and for no less than {rules.intensity.shortest_s:g} s; a blink is such an "
            f"event of AU45 of {rules.blink.shortest_s:g} to {rules.blink.longest_s or 0:g} s."
        )


def _versions(facts: ManifestReader) -> Iterator[str]:
    service = facts.manifest.get("service_version")
    sha256 = facts.csv.get("sha256")
    if service:
        yield f"The media were prepared and the tables checked by Faceline {service}."
    if sha256:
        yield f"SHA-256 of the table: {sha256}."


def methods_file(summary: Summary, facts: ManifestReader) -> str:
    """Write `methods.txt`: the paragraph and a list of its citation keys."""
    cited = publications(facts)
    keys = "".join(f"  [{work.key}] {work.what}\n" for work in cited)
    return methods(summary, facts) + (f"\nCitation keys, see citation.bib:\n{keys}" if keys else "")


def certificate(summary: Summary, facts: ManifestReader) -> list[tuple[str, str]]:
    """List the evidence for the table's completeness: names and values, in order."""
    frames, engine = summary.frames, facts.engine
    found: list[tuple[str, str]] = [("Verdict", summary.completeness.verdict)]
    if summary.completeness.reason:
        found.append(("Reason", summary.completeness.reason))
    if frames:
        decoded = "none: the engine read the upload itself" if frames.decoded is None else f"{frames.decoded:,}"
        found += [
            ("Frames expected", _number(frames.expected)),
            ("Frames decoded for the engine's copy", decoded),
            ("Frames in the table", f"{frames.written:,}"),
            ("Frames with a face (success 1)", f"{frames.with_face:,}"),
            ("Frames that pass the quality gate", f"{frames.used:,}"),
        ]
    found += [
        ("Rows in the table", f"{summary.rows.total:,}"),
        ("Rows stated by the manifest", _number(facts.csv.get("rows"))),
        ("Exit code of the engine", UNKNOWN if engine.get("exit_code") is None else str(engine["exit_code"])),
        ("SHA-256 of the media", str(facts.file.get("sha256") or UNKNOWN)),
        ("SHA-256 of the table, computed for this report", summary.table.sha256),
        ("Equal to the manifest's SHA-256", {True: "yes", False: "NO", None: UNKNOWN}[summary.table.as_published]),
    ]
    return found


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else UNKNOWN


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.1%})" if whole else ""


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
