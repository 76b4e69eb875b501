"""Limits of one media item, from the settings."""

from __future__ import annotations

from service.settings import Settings
from service.worker.limits import MIB, Limits

SETTINGS = {
    "MAX_MEDIA_MB": "100",
    "MAX_PICTURE_MB": "7",
    "MAX_MEGAPIXELS": "2.5",
    "ENGINE_TIME_LIMIT_S": "30",
    "ENGINE_TIME_LIMIT_PER_MEDIA_S": "2",
}
LIMITS = Limits.of(Settings.load(SETTINGS))


def test_pictures_have_a_size_of_their_own() -> None:
    assert (LIMITS.bytes_of("image"), LIMITS.bytes_of("video")) == (7 * MIB, 100 * MIB)


def test_an_engine_has_time_for_its_start_and_for_each_second_of_media() -> None:
    assert [LIMITS.of_engine(seconds).time_s for seconds in (0, 10)] == [30, 50]


def test_decoders_and_engines_write_at_most_four_times_the_largest_upload() -> None:
    assert {LIMITS.of_media.file_bytes, LIMITS.of_engine(0).file_bytes} == {400 * MIB}


def test_pixels_are_counted_in_millions() -> None:
    assert LIMITS.of_media.max_pixels == 2_500_000
