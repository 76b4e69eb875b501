"""The three commands of OpenFace 2.x: ``python -m openface_lite.cli <command> <options>``.

Exit codes, messages and files follow the real tools (odd ones included: a missing video exits 0), except
where those crash: a missing -fdir folder of FaceLandmarkImg exits 1, a video without a frame counts as one
that cannot be opened. Judge success by the files.
"""

import gc
import io
import sys
from collections.abc import Callable
from importlib import import_module

# Where each command lives: a picture's needs no video library, whose import costs as much as its faces.
COMMANDS = {
    "FaceLandmarkImg": ("image_command", "face_landmark_img"),
    "FeatureExtraction": ("video_commands", "feature_extraction"),
    "FaceLandmarkVidMulti": ("video_commands", "face_landmark_vid_multi"),
}
USAGE_EXIT = 2


def main(argv: list[str]) -> int:
    """Run one command; ``argv`` is its name and its options. Returns the exit code."""
    if not argv or argv[0] not in COMMANDS:
        print(f"usage: python -m openface_lite.cli {{{','.join(COMMANDS)}}} <options>", file=sys.stderr)
        return USAGE_EXIT
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names may hold bytes the terminal cannot show; a caller reads the log while it grows.
        sys.stdout.reconfigure(errors="backslashreplace", line_buffering=True)
    if len(argv) == 1:
        print("For command line arguments see:")
        print(" https://github.com/TadasBaltrusaitis/OpenFace/wiki/Command-line-arguments")
        return 0
    return _run(argv[0], argv[1:])


def _run(name: str, options: list[str]) -> int:
    import cv2

    from openface_lite.arguments import Arguments
    from openface_lite.models import ModelsUnavailableError
    from openface_lite.recorder import OutputError

    # One thread: several commands run side by side, and results stay the same.
    cv2.setNumThreads(1)
    module, function = COMMANDS[name]
    command: Callable[[Arguments], int] = getattr(import_module(f"openface_lite.{module}"), function)
    if not gc.isenabled():
        # Since the start. Garbage is collected from here on, and not among the modules, neither now nor at the end.
        gc.freeze()
        gc.enable()
    try:
        return command(Arguments.parse(options))
    except ModelsUnavailableError as error:
        print(f"\n{error}\nERROR: Could not load the landmark detector")
    except OutputError as error:
        print(error)
    return 1


if __name__ == "__main__":
    # As in `start`.
    gc.disable()
    sys.exit(main(sys.argv[1:]))
