"""Jobs that name a gallery: `people.json` beside the CSV, from real media through the real steps."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from openface_lite import analyse_image
from service import wiring
from service.errors import BadJob, BadRequest
from service.identity.embedder import Embedder
from service.identity.galleries import NewFace
from service.identity.rights import remove_person
from service.identity.services import IdentityServices
from service.jobs.job import AnalysisJob
from service.jobs.media_kind import Media
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace
from service.sandbox.workspace import Workspace
from service.settings import Settings
from service.storage.folder import FolderBlobs
from service.worker.attempt_context import AttemptContext
from service.worker.pipeline import Pipeline
from tests.integration.identity.conftest import no_face, picture, portrait, two_faces
from tests.openface_lite.engine_runs import SHARED, write_video

TWO_PEOPLE = SHARED / "media" / "two_faces.jpg"
needs_photo = pytest.mark.skipif(not TWO_PEOPLE.is_file(), reason="no picture of two people here")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load({"IDENTITY": "on", "WORKSPACE": str(tmp_path / "work"), "ENGINES": "1"})


@pytest.fixture
def identity(settings: Settings, embedder: Embedder) -> Iterator[IdentityServices]:
    made = IdentityServices(settings)
    made.embedder = embedder
    yield made
    made.store.close()


def run(settings: Settings, tmp_path: Path, name: str, **options: str) -> tuple[AnalysisJob, dict[str, Any]]:
    """Analyse a file of the folder `in`; returns what is in `people.json`."""
    etag = FolderBlobs(tmp_path / "in").info(".", name).etag
    job = job_of(name, etag, **options)
    with closing(Workspace(settings.workspace)) as workspace:
        blobs = FolderBlobs(tmp_path / "in"), FolderBlobs(tmp_path / "out")
        with closing(wiring.pipeline(settings, *blobs, workspace)) as ready:
            _run(ready, job)
    text = (tmp_path / "out" / name / "a1" / "people.json").read_text()
    assert (tmp_path / "out" / name / f"{Path(name).stem}.csv").is_file()
    return job, json.loads(text)


def job_of(name: str, etag: str, **options: str) -> AnalysisJob:
    media: Media = "video" if name.endswith(".mp4") else "image"
    given = {"gallery": "lab", **options}
    return AnalysisJob(".", name, etag, media, "posed", JobOptions.resolve(media, "posed", given, galleries=True))


def _run(pipeline: Pipeline, job: AnalysisJob) -> None:
    pipeline.run(AttemptContext(job, ResultPlace.in_folder(job), "a1", 1, "w"))


def put(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_bytes(content)


def enrolled(identity: IdentityServices, content: bytes, name: str = "Eileen") -> str:
    face = identity.embedder.one_face(content)
    return identity.galleries.enrol("lab", name, "form", None, [NewFace(face.embedding)]).id


def test_two_faces_of_a_picture_are_two_people(settings: Settings, identity: IdentityServices, tmp_path: Path) -> None:
    eileen = enrolled(identity, picture())
    put(tmp_path, "two.png", two_faces())
    job, told = run(settings, tmp_path, "two.png")
    assert (told["schema"], told["media"], told["gallery"], told["threshold"]) == (1, "image", "lab", 0.6)
    assert [track["face_id"] for track in told["tracks"]] == [0, 1]
    # Two faces of one picture count as two people, even if they look alike.
    assert sorted(track["person"] for track in told["tracks"]) == [1, 2]
    for track in told["tracks"]:
        assert track["match"]["person_id"] == eileen
        assert track["match"]["distance"] < 0.4
    receipt = remove_person(identity.store, "lab", eileen)
    assert [(mention.job_id, mention.blob) for mention in receipt.mentioned_in] == [
        (job.job_id, "two.png/a1/people.json")
    ]


def test_a_picture_without_a_face(settings: Settings, identity: IdentityServices, tmp_path: Path) -> None:
    put(tmp_path, "none.png", no_face())
    _, told = run(settings, tmp_path, "none.png")
    assert (told["people"], told["tracks"]) == ([], [])


def test_a_face_that_jumps_at_a_cut_stays_one_person(
    settings: Settings, identity: IdentityServices, tmp_path: Path
) -> None:
    eileen = enrolled(identity, picture("darker"))
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "cut.mp4", cut_in_two(portrait(), portrait()[:, ::-1]))
    _, told = run(settings, tmp_path, "cut.mp4", faces="many")
    assert len(told["tracks"]) >= 2
    [person] = told["people"]
    assert (person["first_frame"], person["match"]["person_id"]) == (1, eileen)
    assert {track["person"] for track in told["tracks"]} == {1}
    # The table's number of the face is the same before and after the cut, and the manifest tells that it was put right.
    rows = table_of(tmp_path, "cut.mp4")
    assert {row["face_id"] for row in rows if row["success"] == "1"} == {"0"}
    assert {int(row["frame"]) for row in rows if row["success"] == "1"} >= {1, 8, 16}
    manifest = json.loads((tmp_path / "out" / "cut.mp4" / "a1" / "manifest.json").read_text())
    changed = sum(track["slot"] != track["face_id"] for track in told["tracks"])
    assert manifest["face_ids"] == {"stretches": len(told["tracks"]), "changed": changed}


def table_of(tmp_path: Path, name: str) -> list[dict[str, str]]:
    with (tmp_path / "out" / name / f"{Path(name).stem}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def cut_in_two(first: np.ndarray, second: np.ndarray, each: int = 8) -> list[np.ndarray]:
    """One face on the left, after a cut one on the right."""
    height, width = 300, 720
    frames = []
    for number, content in enumerate((first, second)):
        frame = np.full((height, width, 3), 60, np.uint8)
        left = 0 if number == 0 else width - content.shape[1]
        frame[: content.shape[0], left : left + content.shape[1]] = content
        frames += [frame] * each
    return frames


def test_a_person_who_changes_places_keeps_the_number_and_the_other_gets_an_unused_one(
    settings: Settings, identity: IdentityServices, tmp_path: Path
) -> None:
    head = cv2.resize(portrait(), (300, 300))
    # A negative is another person for the network.
    both = [head, 255 - head]
    (tmp_path / "in").mkdir()
    write_video(tmp_path / "in" / "swap.mp4", [np.hstack(both)] * 8 + [np.hstack(both[::-1])] * 8)
    _, told = run(settings, tmp_path, "swap.mp4", faces="many")
    [own] = {track["person"] for track in told["tracks"] if track["first_frame"] == 1 and track["slot"] == 0}
    assert {track["slot"] for track in told["tracks"] if track["person"] == own} == {0, 1}
    rows = [row for row in table_of(tmp_path, "swap.mp4") if row["success"] == "1"]
    assert {float(row["x_30"]) > 300 for row in rows if row["face_id"] == "0" and int(row["frame"]) <= 8} == {False}
    assert {float(row["x_30"]) > 300 for row in rows if row["face_id"] == "0" and int(row["frame"]) > 8} == {True}
    others = {row["face_id"] for row in rows if int(row["frame"]) > 8 and float(row["x_30"]) < 300}
    assert len(others) == 1
    assert not others & {"0"}


@needs_photo
def test_two_people_change_places_at_a_cut(settings: Settings, identity: IdentityServices, tmp_path: Path) -> None:
    whole = cv2.imread(str(TWO_PEOPLE))
    boxes = sorted((face.box for face in analyse_image(whole)), key=lambda box: box[0])
    heads = [_head(whole, box) for box in boxes]
    first = enrolled(identity, cv2.imencode(".png", heads[0])[1].tobytes(), "first")
    (tmp_path / "in").mkdir()
    frames = [np.hstack(heads)] * 8 + [np.hstack(heads[::-1])] * 8
    write_video(tmp_path / "in" / "swap.mp4", frames)
    _, told = run(settings, tmp_path, "swap.mp4", faces="many")
    assert len(told["people"]) == 2
    matched = {person["person"]: person["match"] for person in told["people"]}
    known = [person for person, match in matched.items() if match]
    assert [matched[person]["person_id"] for person in known] == [first]
    for number in matched:
        own = [track for track in told["tracks"] if track["person"] == number]
        assert min(track["first_frame"] for track in own) == 1
        assert max(track["last_frame"] for track in own) == 16
        # In the table, each has one number on the left before the cut and on the right after it, or the reverse.
        [face_id] = {str(track["face_id"]) for track in own}
        noses = {
            int(row["frame"]): float(row["x_30"])
            for row in table_of(tmp_path, "swap.mp4")
            if (row["face_id"], row["success"]) == (face_id, "1")
        }
        assert (noses[4] > 300) != (noses[14] > 300)


def _head(whole: np.ndarray, box: np.ndarray) -> np.ndarray:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    half = 0.9 * max(box[2] - box[0], box[3] - box[1])
    left, top = max(0, int(x - half)), max(0, int(y - half))
    return cv2.resize(whole[top : int(y + half), left : int(x + half)], (300, 300))


def test_a_worker_without_identity_does_not_pass_over_it(tmp_path: Path) -> None:
    settings = Settings.load({"WORKSPACE": str(tmp_path / "work"), "ENGINES": "1"})
    put(tmp_path, "one.png", picture())
    with pytest.raises(BadJob, match="IDENTITY"):
        run(settings, tmp_path, "one.png")
    assert not list((tmp_path / "out").rglob("*.csv"))


def test_a_gallery_is_refused_where_there_are_none() -> None:
    with pytest.raises(BadRequest, match="no galleries"):
        JobOptions.resolve("image", "wild", {"gallery": "lab"})
