"""Bring frames of a video upright, to square pixels and to one even size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av.error
import av.filter
from av.video.frame import VideoFrame

from service.jobs.part import Region
from service.sandbox.decoders.videos import orientation, squared

THREADS = 2

Size = tuple[int, int]
_SQUARE = Fraction(1)


def upright_size(frame: VideoFrame, aspect: Fraction = _SQUARE) -> Size:
    """Return width and height that the frame has when it is upright and its pixels are square."""
    width, height = squared(frame.width, frame.height, aspect)
    return (height, width) if orientation(frame).rotation in (90, 270) else (width, height)


def upright(
    given: Iterable[VideoFrame],
    aspect: Fraction = _SQUARE,
    canvas: Size | None = None,
    region: Region | None = None,
) -> Iterator[VideoFrame]:
    """Yield each frame upright, as YUV 4:2:0; a smaller or differently shaped one gets bars and is never squeezed.

    Args:
        aspect: width of a pixel by its height.
        canvas: size of all frames; by default that of the first one. Odd sides grow by one: H.264 asks for even ones.
        region: part of the canvas that is cut out.

    Raises:
        OptionDoesNotFit: the region reaches beyond the canvas.
    """
    graphs: dict[tuple[int, int, str], av.filter.Graph] = {}
    for frame in given:
        canvas = canvas or upright_size(frame, aspect)
        if region:
            region.check_inside(*canvas)
        shape = (frame.width, frame.height, frame.format.name)
        if shape not in graphs:
            # One is enough at a time: sizes change seldom.
            graphs = {shape: _graph(frame, aspect, canvas, region)}
        graphs[shape].vpush(frame)
        try:
            while True:
                yield graphs[shape].vpull()
        except av.error.BlockingIOError:
            continue


def _graph(frame: VideoFrame, aspect: Fraction, canvas: Size, region: Region | None) -> av.filter.Graph:
    graph = av.filter.Graph()
    node = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    steps = (
        *_scaling(frame, aspect, canvas),
        *orientation(frame).filters,
        _padding(canvas),
        *(_cropping(region) if region else ()),
        ("format", "yuv420p"),
        ("buffersink", None),
    )
    for name, argument in steps:
        following = graph.add(name, argument)
        node.link_to(following)
        node = following
    graph.configure()
    return graph


def _padding(size: Size) -> tuple[str, str]:
    return "pad", f"{size[0] + size[0] % 2}:{size[1] + size[1] % 2}:(ow-iw)/2:(oh-ih)/2"


def _cropping(region: Region) -> tuple[tuple[str, str], ...]:
    """The filters that cut out a region.

    First a little more of it, at even places; then, with colours of full size, from any pixel on.
    """
    left, top = region.x % 2, region.y % 2
    width, height = (side + side % 2 for side in (region.width + left, region.height + top))
    more = f"{width}:{height}:{region.x - left}:{region.y - top}"
    exact = f"{region.width}:{region.height}:{left}:{top}:exact=1"
    return ("crop", more), ("format", "yuv444p"), ("crop", exact), _padding((region.width, region.height))


def _scaling(frame: VideoFrame, aspect: Fraction, canvas: Size) -> tuple[tuple[str, str | None], ...]:
    """The filter that makes pixels square and fits the frame, still as it lies, into the canvas."""
    width, height = upright_size(frame, aspect)
    fit = min(canvas[0] / width, canvas[1] / height)
    fitted = (max(round(width * fit), 1), max(round(height * fit), 1))
    if orientation(frame).rotation in (90, 270):
        fitted = (fitted[1], fitted[0])
    if fitted == (frame.width, frame.height):
        return ()
    return (("scale", f"{fitted[0]}:{fitted[1]}:flags=bicubic"), ("setsar", "1"))
