"""Publications to cite for an engine, as BibTeX: those of the models that measured, and no others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from service.results.manifest_reader import ManifestReader

_WORD = re.compile(r"[A-Za-z0-9_:-]+")


@dataclass(frozen=True)
class Publication:
    """A publication.

    Attributes:
        what: the model or method that it describes, for the methods paragraph.
        fields: BibTeX fields; LaTeX escapes in names.
    """

    key: str
    kind: str
    what: str
    fields: dict[str, str]

    def bibtex(self) -> str:
        """Format as a BibTeX entry."""
        lines = "".join(f"  {name} = {{{value}}},\n" for name, value in self.fields.items())
        return f"@{self.kind}{{{self.key},\n{lines}}}\n"


OPENFACE = Publication(
    "baltrusaitis2018openface",
    "inproceedings",
    "toolkit",
    {
        "author": r"Baltru{\v{s}}aitis, Tadas and Zadeh, Amir and Lim, Yao Chong and Morency, Louis-Philippe",
        "title": "{OpenFace} 2.0: Facial Behavior Analysis Toolkit",
        "booktitle": "13th IEEE International Conference on Automatic Face and Gesture Recognition (FG 2018)",
        "year": "2018",
        "pages": "59--66",
        "doi": "10.1109/FG.2018.00019",
    },
)
LANDMARKS = Publication(
    "zadeh2017convolutional",
    "inproceedings",
    "facial landmarks and head pose",
    {
        "author": r"Zadeh, Amir and Lim, Yao Chong and Baltru{\v{s}}aitis, Tadas and Morency, Louis-Philippe",
        "title": "Convolutional Experts Constrained Local Model for {3D} Facial Landmark Detection",
        "booktitle": "IEEE International Conference on Computer Vision Workshops (ICCVW)",
        "year": "2017",
        "pages": "2519--2528",
        "doi": "10.1109/ICCVW.2017.296",
    },
)
ACTION_UNITS = Publication(
    "baltrusaitis2015cross",
    "inproceedings",
    "facial action units",
    {
        "author": r"Baltru{\v{s}}aitis, Tadas and Mahmoud, Marwa and Robinson, Peter",
        "title": "Cross-Dataset Learning and Person-Specific Normalisation for Automatic Action Unit Detection",
        "booktitle": "11th IEEE International Conference and Workshops on Automatic Face and Gesture Recognition (FG)",
        "volume": "6",
        "year": "2015",
        "pages": "1--6",
        "doi": "10.1109/FG.2015.7284869",
    },
)
GAZE = Publication(
    "wood2015rendering",
    "inproceedings",
    "eye gaze",
    {
        "author": r"Wood, Erroll and Baltru{\v{s}}aitis, Tadas and Zhang, Xucong and Sugano, Yusuke and "
        "Robinson, Peter and Bulling, Andreas",
        "title": "Rendering of Eyes for Eye-Shape Registration and Gaze Estimation",
        "booktitle": "IEEE International Conference on Computer Vision (ICCV)",
        "year": "2015",
        "pages": "3756--3764",
        "doi": "10.1109/ICCV.2015.428",
    },
)
BLAZEFACE = Publication(
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
    },
)
FACE_MESH = Publication(
    "kartynnik2019realtime",
    "misc",
    "facial landmarks",
    {
        "author": "Kartynnik, Yury and Ablavatski, Artsiom and Grishchenko, Ivan and Grundmann, Matthias",
        "title": "Real-time Facial Surface Geometry from Monocular Video on Mobile {GPUs}",
        "year": "2019",
        "eprint": "1907.06724",
        "archiveprefix": "arXiv",
    },
)
IRIS = Publication(
    "ablavatski2020realtime",
    "misc",
    "irises, from which gaze is computed",
    {
        "author": "Ablavatski, Artsiom and Vakunov, Andrey and Grishchenko, Ivan and Raveendran, Karthik and "
        "Zhdanovich, Matsvei",
        "title": "Real-time Pupil Tracking from Monocular Video for Digital Puppetry",
        "year": "2020",
        "eprint": "2006.11341",
        "archiveprefix": "arXiv",
    },
)
OF_OPENFACE = (OPENFACE, LANDMARKS, ACTION_UNITS, GAZE)
OF_LITE_0_2 = (BLAZEFACE, FACE_MESH, IRIS)
"""Publications of openface_lite up to 0.2, whose manifests name none."""


def publications(facts: ManifestReader) -> tuple[Publication, ...]:
    """Publications behind the engine of a manifest: those that it states, else those known here, else none."""
    if facts.is_openface:
        return OF_OPENFACE
    stated = tuple(work for each in facts.citations if (work := _stated(each)))
    return stated or (OF_LITE_0_2 if facts.is_lite else ())


def _stated(work: Mapping[str, Any]) -> Publication | None:
    """Read a publication from a manifest; None where its key or fields are not valid BibTeX."""
    key, kind, fields = str(work.get("key")), str(work.get("kind")), work.get("fields")
    if not (_WORD.fullmatch(key) and _WORD.fullmatch(kind) and isinstance(fields, Mapping)):
        return None
    texts = {str(name): str(value) for name, value in fields.items()}
    balanced = all(value.count("{") == value.count("}") and "\n" not in value for value in texts.values())
    is_sound = balanced and all(map(_WORD.fullmatch, texts))
    return Publication(key, kind, str(work.get("what") or ""), texts) if is_sound else None


def bibliography(facts: ManifestReader) -> str:
    """Format the BibTeX file."""
    cited = publications(facts)
    if not cited:
        return f"% No publications are known here for the engine that measured ({_name(facts)}).\n"
    return "\n".join(work.bibtex() for work in cited)


def _name(facts: ManifestReader) -> str:
    name = str(facts.engine.get("name") or "unknown")
    return "".join(char if char.isalnum() or char in "-_. " else "?" for char in name)
