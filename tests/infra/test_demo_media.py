import av
import numpy as np
import pytest

from infra.local.demo import PORTRAIT
from infra.local.demo_media import FRAME_RATE, FRAMES, SIZE, WITHOUT_FACE, make_clip


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    file = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_clip(PORTRAIT, file)
    return file


def test_the_clip_is_what_it_says(clip):
    with av.open(str(clip)) as video:
        stream = video.streams.video[0]
        frames = [frame.to_ndarray(format="gray") for frame in video.decode(stream)]
    assert stream.codec_context.name == "h264"
    assert (stream.width, stream.height) == SIZE
    assert (len(frames), stream.average_rate) == (FRAMES, FRAME_RATE)
    assert len(WITHOUT_FACE) == 20
    # Nothing but the background where the face is away; elsewhere it differs from frame to frame.
    plain = [number for number, frame in enumerate(frames) if np.ptp(frame) < 40]
    assert plain == list(WITHOUT_FACE)
    assert np.abs(frames[10].astype(int) - frames[20]).mean() > 2


def test_the_clip_is_the_same_every_time(clip, tmp_path):
    again = tmp_path / "again.mp4"
    make_clip(PORTRAIT, again)
    assert again.read_bytes() == clip.read_bytes()


def test_a_missing_portrait_is_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        make_clip(tmp_path / "nobody.png", tmp_path / "clip.mp4")
