"""Cautions about a result: those that its numbers call for, and general ones."""

from __future__ import annotations

from collections.abc import Iterator

from service.results.manifest_reader import ManifestReader
from service.results.summary_model import Caution, Summary

SMALL_FACE_PX = 60
"""Smallest face that OpenFace's MTCNN looks for."""
FEW_FRAMES_A_SECOND = 20
SHORT_CLIP_S = 10
LONG_CALIBRATION_FRAMES = 3000
"""Most good frames in OpenFace's second pass over the dynamic action-unit models."""
SIDEWAYS_DEG = 45
TURNED_DEG = 30
ODD_SHARE = 0.05

GENERAL = (
    "Presence and intensity of an action unit come from different models and can disagree. "
    "Decide beforehand which of the two you will use.",
    "In rows with success 0 OpenFace leaves old or made-up values in place. Filter these rows out first.",
    "In a video with one face, action-unit intensities are calibrated over the whole clip. "
    "Cutting a clip, or joining two, changes the numbers.",
    "Intensities are estimates, at best relative to the person's own neutral face. "
    "Compare a person with themselves before you compare people.",
    "Every frame has its own time. OpenFace computes dynamic action units as if the frame rate were constant.",
    f"Faces under about {SMALL_FACE_PX} px are found less often and measured less well.",
    "Phones store videos lying on their side with a rotation flag; they are turned upright before they are analysed.",
    "Millimetres rest on a focal length that is guessed unless one was stated. Trust their changes over time more "
    "than their absolute values.",
    "An action unit is a movement, not a feeling. None of these numbers says what a person felt.",
)
"""Cautions about every result."""


def cautions(summary: Summary, facts: ManifestReader) -> list[Caution]:
    """List the cautions that apply to this result; those in `summary` are not read."""
    by_media = _of_a_video if facts.media == "video" else _of_a_picture
    return [*_of_the_engine(summary, facts), *_of_the_table(summary, facts), *by_media(summary, facts)]


def _of_the_engine(summary: Summary, facts: ManifestReader) -> Iterator[Caution]:
    if facts.is_lite:
        yield Caution(
            code="not_openface",
            text="openface_lite measured this, not OpenFace: the table has OpenFace's columns, the numbers are this "
            "analyser's own. Its gaze is approximate: all of a person's may be off by the same few degrees.",
        )
    if facts.is_lite and "AU06_r" in facts.au_facts:
        yield Caution(
            code="cheeks_not_seen",
            text="AU06 follows the smile: nothing in this analyser sees the cheeks, so a smile with them (Duchenne) "
            "cannot be told from one without. AU12 takes lips pressed wide, as in crying, for a smile.",
        )
    if summary.not_measured and summary.rows.total:
        absent = [name for name in summary.not_measured if name.endswith("_r")]
        presences = [name for name in summary.not_measured if name.endswith("_c")]
        parts = [f"the intensity of {', '.join(name[:4] for name in absent)}"] if absent else []
        parts += [f"the presence of {len(presences)} action units"] if presences else []
        yield Caution(
            code="not_measured",
            text=f"Not measured: {' and '.join(parts)}. These cells are empty in the table; empty is not zero.",
        )
    weak = sorted(name[:4] for name, level in facts.au_support.items() if level == "weak")
    if weak and summary.rows.total:
        yield Caution(
            code="weak_action_units",
            text=f"The engine calls its own measure of {', '.join(weak)} weak: good for a hint, not for a finding.",
        )
    if facts.engine.get("licence_class") == "research-only":
        yield Caution(
            code="research_only",
            text="The engine's licence allows academic and non-commercial research only; so may these numbers be used.",
        )


def _of_the_table(summary: Summary, facts: ManifestReader) -> Iterator[Caution]:
    if summary.table.as_published is False:
        yield Caution(
            code="table_changed",
            text="The table is not the one that the manifest describes: its SHA-256 differs.",
        )
    if summary.completeness.verdict == "partial":
        yield Caution(
            code="partial",
            text=f"The table does not cover the whole media: {summary.completeness.reason}.",
        )
    cut = facts.aligned.get("reason")
    if cut:
        yield Caution(code="crops_missing", text=f"Not every face has an aligned crop: {cut}.")
    if summary.rows.total and not summary.rows.used:
        yield Caution(code="nothing_counts", text="No row passes the quality gate: there are no statistics.")


def _of_a_picture(summary: Summary, facts: ManifestReader) -> Iterator[Caution]:
    small = [face.face for face in summary.faces if face.box_px and face.box_px[3] < SMALL_FACE_PX]
    if small:
        yield Caution(
            code="small_faces",
            text=f"{_count(small, 'face')} under {SMALL_FACE_PX} px high: measured less well.",
        )
    if facts.is_openface and summary.faces and facts.options.get("multi_view"):
        yield Caution(
            code="confidence_of_another_view",
            text="With several starting views OpenFace may report the confidence of another view than the one whose "
            "landmarks it keeps: look at the face before you trust a confidence near the gate.",
        )
    if summary.faces:
        yield Caution(
            code="single_picture",
            text="A single picture does not show the person's neutral face: intensities are not calibrated to it.",
        )
    low = [face.face for face in summary.faces if not face.used]
    if low:
        yield Caution(
            code="low_confidence",
            text=f"{_count(low, 'face')} of low confidence (below {summary.gate.confidence:g}): better left out.",
        )
    yield from _turned(
        [angle for face in summary.faces if (angle := face.head_pose["yaw_deg"]) is not None and face.used],
        [angle for face in summary.faces if (angle := face.head_pose["roll_deg"]) is not None and face.used],
    )
    if facts.preparation:
        yield Caution(code="prepared", text=f"Before it was analysed the picture was {', '.join(facts.preparation)}.")


def _of_a_video(summary: Summary, facts: ManifestReader) -> Iterator[Caution]:
    rows, frames = summary.rows, summary.frames
    if frames and rows.without_success:
        yield Caution(
            code="failed_rows",
            text=f"{rows.without_success:,} of {rows.total:,} rows have success 0. Their values mean nothing; no "
            "statistic here uses them.",
        )
    if rows.low_confidence:
        yield Caution(
            code="low_confidence",
            text=f"{rows.low_confidence:,} rows are called tracked, but with a confidence below "
            f"{summary.gate.confidence:g}; no statistic here uses them.",
        )
    small = [
        track.face_id for track in summary.tracks if track.face_height_px and track.face_height_px.p50 < SMALL_FACE_PX
    ]
    if small:
        yield Caution(
            code="small_faces",
            text=f"{_count(small, 'face')} mostly under {SMALL_FACE_PX} px high: measured less well.",
        )
    if rows.excluded:
        yield Caution(
            code="excluded",
            text=f"{rows.excluded:,} rows lie in stretches that were marked as not to be used; no statistic uses them.",
        )
    yield from _of_disagreement(summary)
    yield from _of_time(summary, facts)
    spreads = [track.head_pose for track in summary.tracks]
    yield from _turned(
        [pose.yaw_deg.p50 for pose in spreads if pose.yaw_deg], [pose.roll_deg.p50 for pose in spreads if pose.roll_deg]
    )
    if facts.faces_limit_reached:
        yield Caution(
            code="faces_limit",
            text=f"{facts.faces_at_most} faces were followed at once, which is the limit of this job: there may be "
            "more people than the table has. faces_at_most raises it.",
        )
    if len(summary.tracks) > 1 and facts.face_ids_are_kept:
        yield Caution(
            code="slots",
            text="A recognised person keeps a face_id over cuts; all other faces have slots of the tracker.",
        )
    elif len(summary.tracks) > 1:
        yield Caution(
            code="slots",
            text="A face_id is a slot of the tracker, not a person: when faces cross or leave, another may get it.",
        )


def _of_disagreement(summary: Summary) -> Iterator[Caution]:
    odd = sorted(
        {
            unit
            for track in summary.tracks
            for unit, found in track.action_units.items()
            if found.disagree_share is not None and found.disagree_share > ODD_SHARE
        }
    )
    if odd:
        yield Caution(
            code="presence_disagrees",
            text=f"Presence and intensity contradict each other in more than {ODD_SHARE:.0%} of the frames for "
            f"{', '.join(odd)} (present at intensity 0, or absent at 1 or more).",
        )


def _of_time(summary: Summary, facts: ManifestReader) -> Iterator[Caution]:
    resampled = [step for step in facts.preparation if step.startswith("resampled")]
    if resampled:
        yield Caution(
            code="variable_frame_rate",
            text=f"The video's frame rate varies; it was {resampled[0]}. A repeated frame has its values twice.",
        )
    elif facts.probe.get("variable_frame_rate"):
        yield Caution(
            code="variable_frame_rate",
            text=f"The distances of the video's frames vary ({_unevenness(facts)}). Every frame was measured once and "
            "has its own time, but OpenFace computes dynamic action units as if the frame rate were constant.",
        )
    turned = [step for step in facts.preparation if not step.startswith(("resampled", "shown to the engine"))]
    if turned:
        yield Caution(
            code="prepared",
            text=f"Before it was analysed the video was {', '.join(turned)}; coordinates are of the upright picture.",
        )
    measured_rate = facts.measured_rate
    if measured_rate and measured_rate < FEW_FRAMES_A_SECOND:
        yield Caution(
            code="few_frames",
            text=f"{measured_rate:.4g} frames per second are too few to catch every blink and short expression.",
        )
    observed = max((track.observed_s for track in summary.tracks), default=0.0)
    if 0 < observed < SHORT_CLIP_S:
        yield Caution(
            code="short",
            text=f"Only {observed:.1f} s pass the quality gate: too short for rates per minute and a sure calibration.",
        )
    dynamic = facts.options.get("au") == "dynamic"
    longest = max((track.rows_used for track in summary.tracks), default=0)
    if dynamic and facts.is_openface and longest > LONG_CALIBRATION_FRAMES:
        yield Caution(
            code="long_clip",
            text=f"OpenFace runs its dynamic models again over the first {LONG_CALIBRATION_FRAMES:,} good frames only.",
        )


def _turned(yaws: list[float], rolls: list[float]) -> Iterator[Caution]:
    if any(abs(roll) > SIDEWAYS_DEG for roll in rolls):
        yield Caution(
            code="lying",
            text="A face lies on its side (roll over 45°): was the picture turned, as phones do without a flag?",
        )
    if any(abs(yaw) > TURNED_DEG for yaw in yaws):
        yield Caution(
            code="turned_away",
            text=f"A face is turned away by more than {TURNED_DEG}°: action units of the far half are guesses.",
        )


def _count(numbers: list[int], thing: str) -> str:
    """`face 2 is`, or `faces 2 and 3 are`."""
    if len(numbers) == 1:
        return f"{thing.capitalize()} {numbers[0]} is"
    named = ", ".join(map(str, numbers[:-1]))
    return f"{thing.capitalize()}s {named} and {numbers[-1]} are"


def _unevenness(facts: ManifestReader) -> str:
    jitter = f"by {facts.probed('jitter_ms'):.3g} ms root mean square"
    gaps = int(facts.probed("gaps"))
    return f"{jitter}, with {gaps} gaps of up to {facts.probed('longest_gap_s'):.4g} s" if gaps else jitter
