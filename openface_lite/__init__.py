"""A permissively licensed face analyser: a library, and the command line of OpenFace 2.x.

    from openface_lite import analyse_image, analyse_video

    for face in analyse_image("portrait.jpg"):
        print(face.box, face.head_pose.angles, face.action_units["AU12_r"].intensity)
    table = analyse_video("clip.mp4", on_progress=print)
    print(table["pose_Ry"].mean())

Names are loaded on first use: importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openface_lite.analyse import analyse_image
    from openface_lite.clip import Table, analyse_video
    from openface_lite.face import ActionUnit, Face, KeyPoints
    from openface_lite.models import ModelsUnavailableError
    from openface_lite.pictures import MediaError, read_image
    from openface_lite.pose import Camera

__version__ = "0.3.0"

_HOME = {
    "analyse_image": "analyse",
    "analyse_video": "clip",
    "read_image": "pictures",
    "ActionUnit": "face",
    "Camera": "pose",
    "Face": "face",
    "KeyPoints": "face",
    "MediaError": "pictures",
    "ModelsUnavailableError": "models",
    "Table": "clip",
}

__all__ = [
    "ActionUnit",
    "Camera",
    "Face",
    "KeyPoints",
    "MediaError",
    "ModelsUnavailableError",
    "Table",
    "analyse_image",
    "analyse_video",
    "read_image",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
