"""Videos as people really upload them: every frame once, at its own time, in its own shape, and told in numbers."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import pytest

from service.errors import MediaTooLarge, UnreadableMedia
from service.sandbox.media import MediaLimits, probe
from service.sandbox.preparation import Prepared, prepare
from tests.fixtures import clips

LIMITS = MediaLimits(max_pixels=1_000_000, max_duration_s=3600)
EVEN = [round(i * 1000 / 30) for i in range(30)]


def made(path: Path, limits: MediaLimits = LIMITS) -> Prepared:
    room = path.parent / f"room of {path.name}"
    room.mkdir()
    return prepare(path, probe(path, "video", room, limits), room, limits)


def test_a_gap_drops_and_copies_no_frame(tmp_path: Path) -> None:
    times = [*EVEN, *(21_000 + time for time in EVEN)]
    result = made(clips.counted(tmp_path / "a.webm", times, codec="libvpx"))
    assert clips.counts(result.path) == list(range(60))
    assert (result.frames_expected, result.frames_decoded) == (60, 60)
    assert result.times is not None
    assert [round(time_s * 1000) for time_s in result.times] == times
    probed = result.probe
    assert (probed.variable_frame_rate, probed.frame_rate) == (True, 30)
    assert (probed.gaps, probed.longest_gap_s) == (1, pytest.approx(20.033))
    assert probed.jitter_ms is not None and 0.2 < probed.jitter_ms < 1
    assert result.steps == ("shown to the engine frame by frame at a nominal 30 fps",)


def test_uneven_distances_are_kept(tmp_path: Path) -> None:
    times = [0, 33, 67, 100, 400, 433, 467, 500, 800, 900]
    result = made(clips.counted(tmp_path / "a.mp4", times))
    assert result.times is not None
    assert [round(time_s * 1000) for time_s in result.times] == times
    assert clips.counts(result.path) == list(range(10))


def test_reordered_frames_have_their_own_times(tmp_path: Path) -> None:
    path = clips.clip(tmp_path / "a.mp4", times_ms=[0, 20, 40, 60, 80, 500, 520, 540, 1000, 1500], bf="3")
    result = made(path)
    assert result.times is not None
    assert [round(time_s * 1000) for time_s in result.times] == [0, 20, 40, 60, 80, 500, 520, 540, 1000, 1500]


@pytest.mark.parametrize(("name", "codec"), [("a.webm", "libvpx"), ("a.ts", "libx264")])
def test_takes_that_were_joined_run_on(tmp_path: Path, name: str, codec: str) -> None:
    (tmp_path / "takes").mkdir()
    first = clips.counted(tmp_path / "takes" / name, EVEN, codec=codec)
    path = tmp_path / name
    path.write_bytes(first.read_bytes() * 2)
    result = made(path)
    assert clips.counts(result.path) == [*range(30), *range(30)]
    assert result.times is not None
    assert list(result.times) == pytest.approx([i / 30 for i in range(60)], abs=0.02)
    assert result.probe.clock_restarts == 1
    assert result.frames_expected == 60
    assert "put on one clock: the file's own restarts 1 times and jumps forward 0 times" in result.steps


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [("late.mkv", "libx264", (0, 2500)), ("longer.webm", "libvpx", (1500, 9000)), ("both.mkv", "libx264", (0, 9000))],
)
def test_sound_that_is_longer_makes_no_video_partial(
    tmp_path: Path, name: str, codec: str, sound: tuple[int, int]
) -> None:
    path = clips.counted(tmp_path / name, [1500 + time for time in EVEN], codec=codec, sound_ms=sound)
    result = made(path)
    assert (result.frames_expected, result.frames_decoded) == (30, 30)
    assert result.probe.start_s == pytest.approx(1.5 - sound[0] / 1000, abs=0.03)
    assert result.duration_s == pytest.approx(1, abs=0.01)


def test_empty_places_of_an_avi_are_no_missing_frames(tmp_path: Path) -> None:
    # AVI has no times: where no frame is, it has an empty one, and its header counts it.
    path = clips.counted(tmp_path / "a.avi", [i * 40 for i in (0, 1, 2, 3, 8, 9, 10, 15)], codec="mpeg4", rate=25)
    result = made(path)
    assert clips.counts(result.path) == list(range(8))
    assert (result.frames_expected, result.frames_decoded) == (8, 8)
    assert result.times is not None
    assert list(result.times) == pytest.approx([i * 0.04 for i in (0, 1, 2, 3, 8, 9, 10, 15)])


@pytest.mark.parametrize(("default", "track", "width"), [(None, 1, 96), (0, 0, 64), (1, 1, 96)])
def test_the_default_track_is_taken_or_else_the_largest(
    tmp_path: Path, default: int | None, track: int, width: int
) -> None:
    result = made(clips.of_two_tracks(tmp_path / "a.mkv", [(64, 48), (96, 64)], default))
    assert (result.probe.track, result.probe.picture_tracks, result.probe.width) == (track, 2, width)
    assert result.steps == (f"reduced to its picture track, number {track} of the file",)
    assert clips.counts(result.path) == list(range(10 if track else 5))
    with av.open(str(result.path)) as container:
        assert [stream.width for stream in container.streams.video] == [width]


def test_a_cover_is_never_the_track(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        cover = container.add_stream("mjpeg", rate=25)
        cover.width, cover.height, cover.pix_fmt = 640, 480, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        done, jpeg = cv2.imencode(".jpg", clips.corner(640, 480))
        assert done
        packet = av.Packet(jpeg.tobytes())
        packet.stream, packet.pts, packet.dts, packet.is_keyframe = cover, 0, 0, True
        container.mux(packet)
        for number in range(10):
            container.mux(stream.encode(clips.count(number, 64, 48, 40 * number)))
        container.mux(stream.encode())
    result = made(path)
    assert (result.probe.width, result.probe.frames) == (64, 10)
    with av.open(str(result.path)) as container:
        assert len(container.streams.video) == 1


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(4, 3), (64, 36)), (Fraction(3, 4), (48, 48))])
def test_pixels_become_square(tmp_path: Path, aspect: Fraction, size: tuple[int, int]) -> None:
    result = made(clips.counted(tmp_path / "a.mp4", EVEN, width=48, height=36, aspect=aspect))
    assert (result.probe.width, result.probe.height) == size
    assert result.probe.sample_aspect_ratio == f"{aspect.numerator}/{aspect.denominator}"
    with av.open(str(result.path)) as container:
        (stream,) = container.streams.video
        assert (stream.width, stream.height) == size
        assert stream.sample_aspect_ratio in (None, 0, 1)
    assert clips.counts(result.path) == list(range(30))
    assert f"to square ones, {size[0]} " in result.steps[0]


def test_turned_pixels_become_square_the_right_way_round(tmp_path: Path) -> None:
    path = clips.counted(tmp_path / "a.mp4", EVEN, width=48, height=36, aspect=Fraction(4, 3))
    result = made(clips.turned(path, tmp_path / "b.mp4", clips.QUARTER_CLOCKWISE))
    assert (result.probe.width, result.probe.height) == (36, 64)
    with av.open(str(result.path)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (36, 64)


def test_frames_of_two_sizes_are_letterboxed_and_not_squeezed(tmp_path: Path) -> None:
    result = made(clips.of_two_sizes(tmp_path / "a.webm", [(64, 48), (128, 48)]))
    assert (result.probe.width, result.probe.height, result.frames_decoded) == (128, 48, 20)
    assert clips.counts(result.path) == list(range(20))
    with av.open(str(result.path)) as container:
        shown = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    # The tenth frame stands in the middle, in its own shape, between black bars.
    assert shown[9][:, 36:92].mean() > 30
    assert shown[9][:, :28].mean() < 5
    assert shown[9][:, 100:].mean() < 5
    assert shown[19][:, :28].mean() > 60
    assert result.steps[0].startswith("letterboxed from 2 frame sizes to 128 ")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.avi", {"codec": "mpeg4"}),
        ("a.mkv", {}),
        ("a.webm", {"codec": "libvpx"}),
        ("a.mp4", {"movflags": "frag_keyframe+empty_moov"}),
    ],
)
def test_a_video_without_a_frame_never_reaches_the_engine(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    """The real commands crash on it."""
    with pytest.raises(UnreadableMedia, match=r"has no frames|is empty, cut short or no video"):
        made(clips.without_frames(tmp_path / name, **options))


def test_a_video_of_which_no_frame_can_be_decoded_never_reaches_the_engine(tmp_path: Path) -> None:
    path = clips.clip(tmp_path / "whole.avi", frames=5, codec="mpeg4")
    with pytest.raises(UnreadableMedia):
        made(clips.with_damage(path, tmp_path / "a.avi", range(5)))


def test_a_size_that_grows_over_the_limit_is_refused(tmp_path: Path) -> None:
    path = clips.of_two_sizes(tmp_path / "a.webm", [(64, 48), (640, 480)])
    with pytest.raises(MediaTooLarge, match=r"640 .* 480"):
        made(path, replace(LIMITS, max_pixels=100_000))


def test_damage_in_the_middle_costs_the_damaged_frames_only(tmp_path: Path) -> None:
    whole = clips.counted(tmp_path / "a.mp4", EVEN)
    result = made(clips.with_damage(whole, tmp_path / "b.mp4", [10, 11]))
    assert result.frames_expected == 30
    found = clips.counts(result.path)
    assert found[:10] == list(range(10))
    assert found[-1] == 29
    # Frames 10 to 18 build on the first damaged one, which was a key frame.
    assert result.frames_decoded == len(found)
    lost = 30 - len(found)
    assert 2 <= lost <= 10
    assert result.times is not None
    times = [round(time_s * 1000) for time_s in result.times]
    assert (times[:10], times[-10:]) == (EVEN[:10], EVEN[-10:])
    assert set(times) < set(EVEN)
    assert f"freed of {lost} frames that cannot be decoded for damage, the first after frame 10" in result.steps


def test_the_time_of_recording_is_kept(tmp_path: Path) -> None:
    metadata = {"creation_time": "2026-03-01T10:20:30.000000Z"}
    result = made(clips.counted(tmp_path / "a.mp4", EVEN, metadata=metadata))
    assert result.probe.creation_time == "2026-03-01T10:20:30.000+00:00"


def test_too_little_time_names_the_setting_that_gives_more(tmp_path: Path) -> None:
    path = clips.counted(tmp_path / "a.mp4", EVEN)
    limits = replace(LIMITS, prepare_time_s=0.01)
    with pytest.raises(MediaTooLarge, match=r"30 frames of 64 .* 48 .* PREPARE_TIME_LIMIT_PER_GIGAPIXEL_S"):
        made(path, limits)


def test_the_time_limit_grows_with_pixels_and_frames(tmp_path: Path) -> None:
    probed = probe(clips.counted(tmp_path / "a.mp4", EVEN), "video", tmp_path, LIMITS)
    large = replace(probed, width=2160, height=3840, frames=10_000)
    assert LIMITS.of_copy(probed).time_s == pytest.approx(60, abs=0.1)
    assert LIMITS.of_copy(large).time_s == pytest.approx(60 + 60 * 82.944)


def test_no_copy_is_made_for_an_engine_that_turns_by_itself(tmp_path: Path) -> None:
    path = clips.turned(clips.counted(tmp_path / "a.mp4", EVEN), tmp_path / "b.mp4", clips.QUARTER_CLOCKWISE)
    found = probe(path, "video", tmp_path, LIMITS)
    result = prepare(path, found, tmp_path, LIMITS, engine_turns=True)
    assert result.steps == ("rotated 90° upright by the engine itself",)
    assert result.path.read_bytes() == path.read_bytes()
    assert (result.probe.width, result.probe.height, result.probe.rotation) == (48, 64, 90)
