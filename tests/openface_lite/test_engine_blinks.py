"""Blinks: every one found and no false one, on drawn faces and on clips that were labelled frame by frame."""

import numpy as np
import pytest

from openface_lite import Table, analyse_image, analyse_video
from openface_lite.blinks import shut_frames
from service.results.events import BLINK, events, shorter_than
from tests.openface_lite.engine_runs import SHARED
from tests.openface_lite.faces_made import with_shut_eyes

# Frames, counted from 0, in which the eyes are shut or nearly so, seen by eye in every frame. Neighbours are half
# open: they may count to either side.
LABELLED = {
    "expressive_4s.mp4": [range(32, 34), range(72, 74)],
    "smile_2s.mp4": [range(26, 29)],
}


def runs_of(shut: np.ndarray) -> list[range]:
    """Stretches of frames with shut eyes."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], shut.astype(int), [0]])))
    return [range(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


@pytest.fixture(scope="module")
def drawn(portrait):
    """Two seconds at 25 frames: the portrait, blinking twice, once for a single frame."""
    open_eyes, half, shut = (with_shut_eyes(portrait, share) for share in (0, 0.6, 1))
    frames = [open_eyes] * 15 + [half, shut, shut, half] + [open_eyes] * 15 + [shut] + [open_eyes] * 15
    return analyse_video(frames, fps=25)


def test_drawn_blinks_are_counted(drawn):
    found = runs_of(drawn["AU45_c"])
    assert len(found) == 2
    assert {16, 17} <= set(found[0]) <= {15, 16, 17, 18}
    assert set(found[1]) == {34}


def counted_in_reports(table: Table, rate: float) -> int:
    """How many blinks the report, the summary and their rate a minute speak of."""
    good = table["success"] == 1
    closures = events(table["timestamp"][good], table["AU45_r"][good], np.full(good.sum(), 1 / rate), BLINK)
    return len(shorter_than(closures, BLINK.longest_s or 0))


def test_report_counts_the_drawn_blinks(drawn):
    assert counted_in_reports(drawn, 25) == 2


def test_gaze_is_hidden_where_the_eyes_are_shut(drawn):
    hidden = np.isnan(drawn["gaze_angle_x"])
    assert {16, 17, 34} <= set(np.flatnonzero(hidden)) <= {15, 16, 17, 18, 34}
    assert (np.isnan(drawn["gaze_0_z"]) | ~hidden).all()
    assert np.isfinite(drawn["eye_lmk_x_8"]).all()


def test_intensity_rises_with_each_blink_and_rests_between(drawn):
    intensity = drawn["AU45_r"]
    assert intensity[[16, 17, 34]].min() > 1
    assert np.delete(intensity, [*range(14, 20), *range(33, 36)]).max() < 0.3


def test_a_still_with_shut_eyes_shows_a_blink_and_no_gaze(portrait):
    (shut,) = analyse_image(with_shut_eyes(portrait))
    assert (shut.au_presences[-1], shut.action_units["AU45_r"].intensity > 0.5) == (1, True)
    assert np.isnan(shut.gaze.angles).all()


@pytest.mark.parametrize("name", list(LABELLED))
def test_labelled_blinks_are_found_and_no_others(name):
    path = SHARED / "media" / name
    if not path.exists():
        pytest.skip(f"{name} is not part of the repository")
    table = analyse_video(path)
    found = runs_of(table["AU45_c"])
    print(f"{name}: {len(found)} blinks found, {len(LABELLED[name])} labelled")
    assert len(found) == len(LABELLED[name]) == counted_in_reports(table, len(table) / table["timestamp"][-1])
    for blink, labelled in zip(found, LABELLED[name], strict=True):
        assert labelled.start - 1 <= blink.start <= labelled.start + 1
        assert set(blink) & set(labelled)


def test_laughing_eyes_are_narrow_and_not_shut():
    times = np.arange(300) / 30
    openings = np.full(300, 0.30)
    openings[100:250] = 0.18
    assert not shut_frames(openings, times).any()
    openings[200:204] = 0.06
    assert runs_of(shut_frames(openings, times)) == [range(200, 204)]


def test_eyes_that_stay_shut_are_shut_throughout():
    openings = np.full(300, 0.30)
    openings[60:240] = 0.05
    assert runs_of(shut_frames(openings, np.arange(300) / 30)) == [range(60, 240)]


def test_pictures_without_times_count_as_a_video():
    openings = np.full(90, 0.3)
    openings[40:43] = 0.05
    assert runs_of(shut_frames(openings, np.zeros(90))) == [range(40, 43)]
    assert shut_frames(np.zeros(0), np.zeros(0)).shape == (0,)
