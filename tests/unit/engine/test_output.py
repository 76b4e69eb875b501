"""From the files of a run to a table: results that are believed, and errors."""

import hashlib
import math
import re
from pathlib import Path

import numpy as np
import pytest

from service.engine import csv_blocks
from service.engine.columns import IMAGE_COLUMNS, VIDEO_COLUMNS
from service.engine.failures import failure
from service.engine.output import read_table
from service.engine.run import EngineRun
from service.engine.table import Table
from service.errors import EngineCrashed, EngineUnavailable, MalformedOutput, NoOutput, UnreadableMedia
from service.sandbox.process import Finished
from tests.fixtures.jobs import SAMPLES, task


def ended(folder: Path, returncode: int = 0, log: str = "") -> Finished:
    (folder / "stdout.log").write_text(log)
    (folder / "stderr.log").write_text("")
    return Finished(returncode, 1.0, folder / "stdout.log", folder / "stderr.log", 0)


def read(
    folder: Path, csv: bytes | None, wanted=None, returncode: int = 0, details: str | None = None, times=None
) -> Table:
    if csv is not None:
        (folder / "media.csv").write_bytes(csv)
    if details is not None:
        (folder / "media_of_details.txt").write_text(details)
    finished = ended(folder, returncode)
    run = EngineRun(finished, "FeatureExtraction", (), folder, folder / "stdout.log", "the head", "the tail")
    return read_table(wanted or task("video"), run, folder / "table.csv", times)


def video_row(number: int, success: int = 1, **cells: str) -> dict[str, str]:
    row = dict.fromkeys(VIDEO_COLUMNS, "0.5")
    row |= {"frame": str(number), "face_id": "0", "timestamp": "0.000", "success": str(success)}
    return row | cells


def image_row(face: int, **cells: str) -> dict[str, str]:
    return dict.fromkeys(IMAGE_COLUMNS, "0.5") | {"face": str(face)} | cells


def table(*rows: dict[str, str], columns=VIDEO_COLUMNS, separator: str = ",", end: str = "\n") -> bytes:
    lines = [list(columns), *([row[name] for name in columns] for row in rows)]
    return "".join(separator.join(cells) + end for cells in lines).encode()


@pytest.mark.parametrize("separator", [",", ", ", " , ", ",  "])
@pytest.mark.parametrize("end", ["\n", "\r\n", " \n"])
def test_every_dialect_becomes_one(tmp_path, separator, end):
    rows = [video_row(1, AU12_r="1.20"), video_row(2, pose_Rx="-0.050")]
    found = read(tmp_path, table(*rows, separator=separator, end=end))
    expected = table(*rows)
    assert found.path.read_bytes() == expected
    assert found.sha256 == hashlib.sha256(expected).hexdigest()
    assert (found.bytes, found.rows, found.columns) == (len(expected), 2, 714)


def test_values_stay_as_they_are_written(tmp_path):
    odd = ["-nan(ind)", "nan", "-inf", "INF", "+1.50", "1e-7", ".5", "5.", "", "-0.00"]
    cells = dict(zip(VIDEO_COLUMNS[10:], odd, strict=False))
    found = read(tmp_path, table(video_row(1, **cells)))
    assert found.path.read_bytes() == table(video_row(1, **cells))


@pytest.mark.parametrize("size", [6_000, 20_000, 1 << 20])
def test_blocks_of_any_size_give_the_same(tmp_path, monkeypatch, size):
    rows = [video_row(number, success=number % 2) for number in range(1, 41)]
    monkeypatch.setattr(csv_blocks, "BLOCK_BYTES", size)
    found = read(tmp_path, table(*rows, separator=", ", end="\r\n"))
    assert found.path.read_bytes() == table(*rows)
    assert (found.rows, found.frames_written, found.frames_success, found.last_frame) == (40, 40, 20, 40)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("abc", "'abc'"),
        ("1 2", "'1 2'"),
        ("1.2.3", "'1.2.3'"),
        ("--1", "'--1'"),
        ("e5", "'e5'"),
        ("0x10", "'0x10'"),
        ("True", "'True'"),
        ("NA", "'NA'"),
        ('"1"', "'\"1\"'"),
        ("1_0", "'1_0'"),
        ("\uff11", "\uff11"),
        ("\x1b[31m", "[31m"),
        ("nano", "'nano'"),
    ],
)
def test_a_cell_that_is_no_number(tmp_path, cell, message):
    with pytest.raises(MalformedOutput) as caught:
        read(tmp_path, table(video_row(1), video_row(2, AU12_r=cell)))
    assert message in caught.value.message
    assert "row 2" in caught.value.message
    assert "AU12_r" in caught.value.message
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda csv: csv[:-1], "torn"),
        (lambda csv: csv[:-300], "torn"),
        (lambda csv: csv[:-300] + b"\n", "row 2 .* cells instead of 714"),
        (lambda csv: csv + b"\n", "row 3 .* 1 cells"),
        (lambda csv: csv[:-1] + b",1\n", "715 cells"),
        (lambda csv: b"", "empty"),
        (lambda csv: csv[:100], "header is cut"),
        (lambda csv: csv + b"1" * 100_000, "more than"),
        (lambda csv: csv.replace(b",x_0,", b",X_0,", 1), "missing .x_0"),
        (lambda csv: csv.replace(b",x_0,", b",hello,", 1), "unknown .hello"),
        (lambda csv: csv.replace(b"x_0,x_1,", b"x_1,x_0,", 1), "another order"),
        (lambda csv: b"\xff\xfe\0" + csv, "unknown"),
    ],
)
def test_a_torn_or_strange_table_is_refused(tmp_path, change, message):
    with pytest.raises(MalformedOutput, match=message):
        read(tmp_path, change(table(video_row(1), video_row(2))))


@pytest.mark.parametrize("cells", [{"frame": "nan"}, {"frame": ""}, {"face_id": "inf"}, {"frame": "1e300"}])
def test_a_row_needs_its_frame(tmp_path, cells):
    with pytest.raises(MalformedOutput, match="frame number"):
        read(tmp_path, table(video_row(1, **cells)))


def test_an_images_table_is_not_a_videos(tmp_path):
    with pytest.raises(MalformedOutput, match="missing"):
        read(tmp_path, table(video_row(1)), task("image"))


def test_a_header_alone_is_no_observation(tmp_path):
    found = read(tmp_path, table())
    assert (found.rows, found.faces, found.frames_written, found.last_frame) == (0, 0, 0, 0)
    assert found.measures.confidence_mean is None
    assert found.measures.not_measured == ()


@pytest.mark.parametrize("media", ["image", "video"])
def test_no_face_is_believed_with_the_details_file(tmp_path, media):
    found = read(tmp_path, None, task(media), details="Input:a\nInput full path:a\n")
    columns = IMAGE_COLUMNS if media == "image" else VIDEO_COLUMNS
    assert found.path.read_bytes() == table(columns=columns)
    assert (found.rows, found.faces) == (0, 0)


@pytest.mark.parametrize("details", [None, "", "Input:a\nOutput csv:media.csv\n"])
def test_no_face_is_not_believed_without_it(tmp_path, details):
    with pytest.raises(NoOutput, match="the tail"):
        read(tmp_path, None, details=details)


@pytest.mark.parametrize("returncode", [1, -9, -15])
def test_a_table_of_a_run_that_failed_is_never_used(tmp_path, returncode):
    with pytest.raises(EngineCrashed):
        read(tmp_path, table(video_row(1)), returncode=returncode, details="Input:a\n")
    assert not (tmp_path / "table.csv").exists()


def test_measures_count_finite_values_of_good_rows(tmp_path):
    found = read(
        tmp_path,
        table(
            video_row(1, confidence="0.9", pose_Rx="0.1", AU12_r="1.0", AU12_c="1.00", AU04_r=""),
            video_row(2, confidence="0.8", pose_Rx="0.3", AU12_r="3.0", AU12_c="0.00", AU04_r=""),
            video_row(3, confidence="nan", pose_Rx="inf", AU12_r="", AU12_c="0.00", AU04_r=""),
            video_row(4, success=0, confidence="0.1", pose_Rx="9", AU12_r="5.0", AU04_r=""),
        ),
    )
    measures = found.measures
    assert measures.confidence_mean == pytest.approx(0.85)
    assert measures.head_pose_deg["pitch"] == pytest.approx(math.degrees(0.2))
    assert measures.intensities["AU12_r"].mean == pytest.approx(2)
    assert measures.intensities["AU12_r"].sd == pytest.approx(1)
    assert measures.intensities["AU12_r"].max == 3
    assert measures.presence["AU12_c"] == pytest.approx(1 / 3)
    assert "AU04_r" not in measures.intensities
    assert measures.not_measured == ("AU04_r",)


def test_a_video_without_a_face_has_no_means(tmp_path):
    found = read(tmp_path, table(video_row(1, success=0), video_row(2, success=0)))
    assert (found.faces, found.frames_written, found.frames_success) == (0, 2, 0)
    assert found.measures.intensities == {}
    assert found.measures.not_measured == ()


def test_frames_and_faces_of_many(tmp_path):
    rows = [video_row(1, face_id="0"), video_row(1, face_id="2"), video_row(7, face_id="2"), video_row(9, 0)]
    found = read(tmp_path, table(*rows), task("video", faces="many"))
    assert (found.rows, found.faces) == (4, 2)
    assert (found.frames_written, found.frames_success, found.last_frame) == (3, 2, 9)


def box(size: float, **cells: str) -> dict[str, str]:
    return cells | {"x_0": "0", "y_0": "0", "x_1": f"{size}", "y_1": f"{size}"}


def test_all_faces_of_a_picture(tmp_path):
    rows = [image_row(0), image_row(1)]
    found = read(tmp_path, table(*rows, columns=IMAGE_COLUMNS), task("image"))
    assert (found.rows, found.faces, found.frames_written) == (2, 2, None)


def test_one_face_is_the_biggest(tmp_path):
    rows = [image_row(0, **box(9)), image_row(1, **box(50, confidence="0.2")), image_row(2, **box(20))]
    found = read(tmp_path, table(*rows, columns=IMAGE_COLUMNS), task("image", faces="one"))
    assert found.path.read_bytes() == table(rows[1], columns=IMAGE_COLUMNS)
    assert (found.rows, found.faces) == (1, 1)
    assert found.measures.confidence_mean == pytest.approx(0.2)


def test_a_face_without_landmarks_is_smaller_than_any_other(tmp_path):
    empty = {name: "" for name in IMAGE_COLUMNS if name.startswith(("x_", "y_"))}
    rows = [image_row(0, confidence="0.9", **empty), image_row(1, confidence="0.2", **box(0.4))]
    found = read(tmp_path, table(*rows, columns=IMAGE_COLUMNS), task("image", faces="one"))
    assert found.path.read_bytes() == table(rows[1], columns=IMAGE_COLUMNS)


def test_one_face_without_landmarks_is_the_surest(tmp_path):
    empty = {name: "" for name in IMAGE_COLUMNS if name.startswith(("x_", "y_"))}
    rows = [image_row(0, confidence="0.3", **empty), image_row(1, confidence="0.9", **empty)]
    rows.append(image_row(2, confidence="nan", **empty))
    found = read(tmp_path, table(*rows, columns=IMAGE_COLUMNS), task("image", faces="one"))
    assert found.path.read_bytes() == table(rows[1], columns=IMAGE_COLUMNS)


@pytest.mark.parametrize(
    ("sample", "media", "rows"),
    [
        ("facelandmarkimg_single_face.csv", "image", 1),
        ("featureextraction_no_space_dialect.csv", "video", 2),
        ("featureextraction_spaced_dialect_30rows.csv", "video", 30),
        ("featureextraction_header_3rows.csv", "video", 3),
    ],
)
def test_openfaces_own_tables_are_read_whole(tmp_path, sample, media, rows):
    found = read(tmp_path, real(sample), task(media))
    assert found.rows == rows
    assert found.faces == 1
    assert found.measures.confidence_mean > 0.9
    published = found.path.read_bytes()
    assert b" " not in published
    assert b"\r" not in published
    original = real(sample).decode().split("\n")[1]
    assert published.decode().split("\n")[1] == original.replace(" ", "").strip()


def test_a_table_older_than_openface_2(tmp_path):
    with pytest.raises(MalformedOutput, match=r"older than OpenFace 2\.0"):
        read(tmp_path, real("legacy_0x_431cols_5rows.csv"))


def real(sample: str) -> bytes:
    path = SAMPLES / sample
    if not path.exists():
        pytest.skip("OpenFace's own tables are not beside this checkout")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("returncode", "log", "kind", "message"),
    [
        (1, "ERROR: Could not load the landmark detector\n", EngineUnavailable, "models"),
        (1, "….dat....Could not find CEN patch experts, for instructions", EngineUnavailable, "patch experts"),
        (1, "Could not find CEN patch experts\nCould not load the landmark detector", EngineUnavailable, "patch"),
        (127, "x: error while loading shared libraries: libdlib.so", EngineUnavailable, "library"),
        (1, "Error: Could not open the image: /x.jpg", UnreadableMedia, "picture"),
        (0, "Failed to open the video file at location: /x.mp4", UnreadableMedia, "video"),
        (1, "Could not open any images", UnreadableMedia, "picture"),
        (-6, "OpenBLAS : you tried to allocate too many memory regions.", EngineCrashed, "thread limit"),
        (1, "The output CSV file is not open, exiting", EngineCrashed, "disk"),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'", EngineCrashed, "memory"),
        (-9, "0% 10% ", EngineCrashed, "SIGKILL .*memory"),
        (-11, "", EngineCrashed, "SIGSEGV"),
        (-8, "", EngineCrashed, "SIGFPE"),
        (3, "whatever", EngineCrashed, "exit code 3"),
        (0, "Starting tracking", NoOutput, "neither a table"),
    ],
)
def test_words_and_codes_become_errors(tmp_path, returncode, log, kind, message):
    finished = ended(tmp_path, returncode, log)
    error = failure(finished, finished.tail())
    assert type(error) is kind
    assert log.strip()[-20:] in error.message
    assert re.search(message, error.message)


def test_few_rows_and_many_are_read_alike() -> None:
    cells = [b"1.5", b"-0.25", b"", b"1e5", b"3", b".5", b"+7.", b"1e400"]
    row = b",".join(cells[number % len(cells)] for number in range(711)) + b"\n"
    few, many = csv_blocks._few(row * 3, 711), csv_blocks._many(row * 3)
    np.testing.assert_array_equal(few, many)
    assert np.isnan(few).any()
    for bad in (b"1.2.3", b"1e", b"--1", b"."):
        for read in (lambda lines: csv_blocks._few(lines, 711), csv_blocks._many):
            with pytest.raises(ValueError):
                read(row.replace(b"1.5", bad, 1))


def test_times_of_frames_are_put_back_and_every_other_cell_stays(tmp_path):
    rows = [video_row(1), video_row(2, face_id="1"), video_row(2), video_row(4, AU12_r="1.20")]
    found = read(tmp_path, table(*rows, separator=", "), times=[0.0, 20.9666, 21.0, 30.0])
    stamps = ["0.000", "20.967", "20.967", "30.000"]
    expected = table(*(row | {"timestamp": stamp} for row, stamp in zip(rows, stamps, strict=True)))
    assert found.path.read_bytes() == expected
    assert found.sha256 == hashlib.sha256(expected).hexdigest()


def test_a_frame_that_was_not_decoded_has_no_time(tmp_path):
    found = read(tmp_path, table(video_row(1), video_row(2)), times=[0.0])
    assert found.path.read_bytes() == table(video_row(1), video_row(2, timestamp=""))


def test_times_of_a_long_table_are_put_back(tmp_path):
    count = 2000
    rows = [video_row(number) for number in range(1, count + 1)]
    found = read(tmp_path, table(*rows), times=[number * 0.5 for number in range(count)])
    stamps = [line.split(b",")[2] for line in found.path.read_bytes().splitlines()[1:]]
    assert stamps == [b"%.3f" % (number * 0.5) for number in range(count)]
