"""FaceLandmarkVidMulti with more faces than OpenFace's four."""

import pytest

from tests.openface_lite.engine_runs import CELL, FRAMES, meeting_of_nine, write_video


@pytest.fixture(scope="module")
def meeting(portrait, tmp_path_factory):
    """A recording of a meeting of nine on 960x540: the portrait in a grid, each at another size and place."""
    path = tmp_path_factory.mktemp("media") / "meeting.mp4"
    write_video(path, meeting_of_nine(portrait))
    return path


def cells_of(rows):
    """Cells of the grid, by face and frame."""
    return {
        (row["face_id"], row["frame"]): (
            int(float(row["x_30"])) // CELL[0],
            int(float(row["y_30"])) // CELL[1],
        )
        for row in rows
    }


def test_nine_people_in_a_grid_keep_a_number_each(command, meeting):
    rows = command("FaceLandmarkVidMulti", "-f", meeting, "-faces_at_most", "9", "-2Dfp").table("meeting")
    cells = cells_of(rows)
    assert len(cells) == len(rows) == 9 * FRAMES
    for face in {face for face, _ in cells}:
        assert len({cells[face, str(frame)] for frame in range(1, FRAMES + 1)}) == 1
    assert len(set(cells.values())) == 9


@pytest.mark.parametrize(("options", "most"), [((), 4), (("-faces_at_most", "6"), 6), (("-faces_at_most", "no"), 4)])
def test_no_more_faces_than_asked_for(command, meeting, options, most):
    rows = command("FaceLandmarkVidMulti", "-f", meeting, "-2Dfp", *options).table("meeting")
    assert len({row["face_id"] for row in rows}) <= most
    assert most == 4 or len({row["face_id"] for row in rows}) == most
