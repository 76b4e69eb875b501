"""Frames of videos: the colours that the landmark network sees are those of the whole frame, turned to BGR."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from openface_lite import analyse_video
from openface_lite.crop import Region
from openface_lite.frame_picture import FramePicture
from openface_lite.track import FaceTracker
from openface_lite.videos import open_video

REGIONS = [
    Region(160.0, 130.0, 200.0),
    Region(150.5, 121.25, 140.0, 0.4),
    Region(40.0, 30.0, 180.0, -0.7),
    Region(300.0, 310.0, 500.0),
]
# FFmpeg's numbers: unspecified and BT.601 525, BT.709; limited and full range.
TAGS = [(2, 1), (6, 1), (1, 1), (1, 2), (5, 2)]


def frame_of(picture: np.ndarray, colorspace: int, color_range: int, kind: str = "yuv420p") -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(
        format=kind, dst_colorspace=colorspace if colorspace != 2 else None, dst_color_range=color_range
    )
    frame.colorspace, frame.color_range = colorspace, color_range
    return frame


@pytest.mark.parametrize(("colorspace", "color_range"), TAGS)
@pytest.mark.parametrize("region", REGIONS)
def test_region_has_the_colours_of_the_whole_frame(portrait, region, colorspace, color_range):
    smooth = cv2.GaussianBlur(portrait[0:321, 60:381], (0, 0), 1.5)
    frame = frame_of(np.ascontiguousarray(smooth), colorspace, color_range)
    part, whole = FramePicture(frame).rgb(region, 256), FramePicture(frame)
    assert "pixels" not in whole.__dict__
    assert whole.pixels.shape == (321, 321, 3)
    apart = np.abs(part.astype(int) - whole.rgb(region, 256).astype(int))
    assert apart.mean() < 1.5
    assert np.percentile(apart, 99) <= 8


def test_other_formats_and_turned_frames_are_converted_whole(portrait):
    close = np.ascontiguousarray(portrait[0:320, 60:380])
    for kind in ("yuv422p", "yuv444p", "rgb24"):
        picture = FramePicture(av.VideoFrame.from_ndarray(close, format="bgr24").reformat(format=kind))
        assert picture.rgb(REGIONS[0], 256).shape == (256, 256, 3)
        assert "pixels" in picture.__dict__


def test_tracked_frames_are_never_converted_whole(face_clip):
    tracker = FaceTracker()
    whole = []
    for frame in open_video(face_clip).frames:
        tracker.step(frame.picture)
        whole.append("pixels" in frame.picture.__dict__)
    # The first is searched, as are the four without a face and the one in which it comes back.
    assert whole == [True] + [False] * 4 + [True] * 5 + [False] * 4


def test_landmarks_do_not_depend_on_how_a_frame_is_turned_to_colours(face_clip):
    ours = analyse_video(face_clip)
    frames = [frame.pixels for frame in open_video(face_clip).frames]
    whole = analyse_video(frames, fps=25)
    assert whole.to_pandas()["success"].tolist() == whole["success"].tolist()
    names = [name for name in ours.columns if name[:2] in ("x_", "y_")]
    apart = np.array([ours[name] - whole[name] for name in names])
    eyes = np.nanmean(ours["x_45"] - ours["x_36"])
    assert np.nanmean(np.abs(apart)) < 0.0025 * eyes
    for name in ("AU12_r", "AU25_r", "AU45_r"):
        assert np.nanmax(np.abs(ours[name] - whole[name])) < 0.05


def test_odd_sizes_are_cut_to_their_last_pixel(portrait, tmp_path):
    close = np.ascontiguousarray(portrait[0:320, 60:380])
    path = tmp_path / "size.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.pix_fmt, stream.width, stream.height, stream.time_base = "yuv420p", 319, 317, Fraction(1, 25)
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(close[:317, :319]), format="bgr24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert analyse_video(path)["success"].tolist() == [1, 1, 1]
