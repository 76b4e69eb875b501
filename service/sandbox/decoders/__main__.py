"""Entry of a child that looks at one file, or copies it for the engine.

Its imports are kept to what the request needs: it is started for every media item.
"""

from __future__ import annotations

from typing import Any

from service.sandbox.child_once import serve_once


def _do(do: str, media: str, path: str, **arguments: Any) -> dict[str, Any]:
    # Imported here: pictures need OpenCV, videos FFmpeg, and neither the other.
    if media == "image":
        if do == "probe":
            from service.sandbox.decoders import picture_probe

            return picture_probe.probe(path, **arguments)
        from service.sandbox.decoders import pictures

        return pictures.convert(path, **arguments)
    if media == "sequence":
        from service.sandbox.decoders import sequences

        return sequences.probe(path, **arguments) if do == "probe" else sequences.convert(path, **arguments)
    if do == "probe":
        from service.sandbox.decoders import video_probe

        return video_probe.probe(path, **arguments)
    from service.sandbox.decoders import rewrite

    return rewrite.prepare(path, **arguments)


if __name__ == "__main__":
    serve_once(_do)
