"""The public names: what a program that imports the analyser can rely on."""

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import numpy as np
import pytest

import openface_lite
from openface_lite import MediaError, Table, analyse_image, analyse_video
from tests.openface_lite.engine_runs import REPOSITORY, side_by_side


@pytest.fixture(scope="module")
def face(portrait):
    (found,) = analyse_image(portrait)
    return found


@pytest.fixture(scope="module")
def table(face_clip):
    return analyse_video(face_clip)


def run_python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def test_importing_the_package_loads_nothing():
    said = run_python("import openface_lite, sys; print(sorted({'numpy', 'cv2', 'av'} & set(sys.modules)))")
    assert said == "[]\n"


def test_a_picture_needs_no_video_library():
    said = run_python(
        "from openface_lite import analyse_image; import sys;"
        "print(len(analyse_image('tests/fixtures/media/astronaut.png')), 'av' in sys.modules, 'pandas' in sys.modules)"
    )
    assert said == "1 False False\n"


def test_every_public_name_is_there():
    for name in openface_lite.__all__:
        assert getattr(openface_lite, name).__doc__
    assert set(openface_lite.__all__) <= set(dir(openface_lite))
    with pytest.raises(AttributeError, match="analyze_image"):
        _ = openface_lite.analyze_image


def test_a_face_has_everything_in_its_shape(face):
    assert face.box.shape == (4,)
    assert 0.9 < face.confidence <= 1
    assert (face.landmarks_2d.shape, face.landmarks_3d.shape) == ((68, 2), (68, 3))
    assert (face.eye_landmarks_2d.shape, face.eye_landmarks_3d.shape) == ((56, 2), (56, 3))
    assert (face.head_pose.angles.shape, face.head_pose.translation.shape) == ((3,), (3,))
    assert (face.gaze.vectors.shape, face.gaze.angles.shape) == ((2, 3), (2,))
    assert face.size == pytest.approx(max(face.box[2:] - face.box[:2]))


def test_a_face_cannot_be_changed(face):
    with pytest.raises(dataclasses.FrozenInstanceError):
        face.camera = None
    with pytest.raises(TypeError):
        face.action_units["AU12_r"] = None


def test_key_points_lie_among_the_landmarks(face):
    points = face.key_points
    for found, numbers in (
        (points.left_eye, range(36, 42)),
        (points.right_eye, range(42, 48)),
        (points.nose, [30]),
        (points.mouth_left, [48]),
        (points.mouth_right, [54]),
    ):
        assert found == pytest.approx(face.landmarks_2d[list(numbers)].mean(axis=0), abs=2)


def test_action_units_state_their_support(face):
    units = face.action_units
    assert len(units) == 17
    levels = {
        level: {name for name, unit in units.items() if unit.support == level}
        for level in ("supported", "weak", "not_estimable")
    }
    assert levels["supported"] == {"AU01_r", "AU06_r", "AU12_r", "AU25_r", "AU45_r"}
    assert levels["weak"] == {"AU02_r", "AU05_r", "AU07_r", "AU10_r", "AU26_r"}
    assert all((unit.intensity is None) == (unit.support == "not_estimable") for unit in units.values())
    # A broad smile that shows the teeth, the eyes open.
    assert units["AU12_r"].intensity >= 2
    assert units["AU25_r"].intensity >= 1.5
    assert units["AU06_r"].intensity >= 1
    assert units["AU45_r"].intensity < 0.5
    assert face.au_presences[-1] == 0


def test_a_table_is_the_commands_csv_not_rounded(table, face_clip, command):
    rows = command("FeatureExtraction", "-f", face_clip).table("face clip.v1")
    assert isinstance(table, Table)
    assert table.columns == tuple(rows[0])
    assert table.values.shape == (14, 714)
    written = np.array([[float(cell) if cell else np.nan for cell in row.values()] for row in rows])
    assert (np.isnan(table.values) == np.isnan(written)).all()
    assert np.nanmax(np.abs(table.values - written)) <= 0.0501
    assert len(table) == 14


def test_a_column_is_found_by_its_name(table):
    assert table["success"].tolist() == [1] * 5 + [0] * 4 + [1] * 5
    assert np.isnan(table["AU04_r"]).all()
    assert np.isnan(table["pose_Rx"]).tolist() == [False] * 5 + [True] * 4 + [False] * 5
    with pytest.raises(KeyError, match="AU99_r"):
        _ = table["AU99_r"]


def test_progress_is_reported_frame_by_frame(face_clip):
    told = []
    analyse_video(face_clip, lambda done, expected: told.append((done, expected)))
    assert told == [(number, 14) for number in range(1, 15)]


def test_what_progress_raises_ends_the_work(portrait):
    def stop(done, expected):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyse_video([portrait] * 3, stop)


def test_frames_may_come_from_anywhere(portrait):
    close = np.ascontiguousarray(portrait[0:320, 60:380])
    told = []
    table = analyse_video((frame for frame in [close] * 3), lambda *count: told.append(count), fps=10)
    assert table["timestamp"] == pytest.approx([0, 0.1, 0.2])
    assert told == [(1, 0), (2, 0), (3, 0)]
    assert analyse_video([close], fps=None)["timestamp"].tolist() == [0]


def test_no_frames_give_no_rows():
    assert analyse_video([]).values.shape == (0, 714)


@pytest.mark.parametrize("name", ["no.mp4", "."])
def test_a_video_that_cannot_be_read_is_an_error(tmp_path, name):
    with pytest.raises(MediaError):
        analyse_video(tmp_path / name)


def test_timestamps_are_presentation_times(portrait, tmp_path):
    """A stream of varying rate that begins late: the time is when a frame is shown, from the first one on."""
    close = np.ascontiguousarray(portrait[0:320, 60:380])
    shown_ms = [500, 540, 640, 650, 1150]
    with av.open(str(tmp_path / "varying.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "20"})
        stream.pix_fmt, stream.width, stream.height = "yuv420p", 320, 320
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        for milliseconds in shown_ms:
            frame = av.VideoFrame.from_ndarray(close, format="bgr24")
            frame.pts, frame.time_base = milliseconds, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    times = analyse_video(tmp_path / "varying.mkv")["timestamp"]
    assert times == pytest.approx([0, 0.04, 0.14, 0.15, 0.65], abs=0.0015)


def test_threads_have_interpreters_of_their_own_and_the_same_numbers(portrait):
    pictures = [portrait, side_by_side(portrait), np.ascontiguousarray(portrait[:, ::-1])]
    alone = [[face.mesh.points for face in analyse_image(picture)] for picture in pictures]
    with ThreadPoolExecutor(3) as pool:
        work = pictures * 3
        together = [[face.mesh.points for face in faces] for faces in pool.map(analyse_image, work)]
    for expected, found in zip(alone * 3, together, strict=True):
        assert [points.tolist() for points in found] == [points.tolist() for points in expected]
