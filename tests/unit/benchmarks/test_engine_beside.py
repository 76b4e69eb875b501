"""What the comparison of the analyser with others makes of their runs."""

from benchmarks.engine import Run
from benchmarks.engine_beside import EARLIER, MEDIAPIPE, OURS, figures


def run(frames_a_second: float, cpu_ms: float) -> Run:
    return {"frames": 100, "seconds": 100 / frames_a_second, "cpu_s": cpu_ms / 10}


def test_each_other_kind_has_its_own_aim():
    runs = {
        (OURS, "480p", 1): [run(90, 11.5)],
        (EARLIER, "480p", 1): [run(99, 10)],
        (MEDIAPIPE, "480p", 1): [run(60, 16)],
        (OURS, "480p", 2): [run(100, 12)],
        (MEDIAPIPE, "480p", 2): [run(60, 16)],
        (OURS, "photo", 1): [run(20, 50)],
        (EARLIER, "photo", 1): [run(16, 62.5)],
    }
    judged = {figure.what: (round(figure.value or 0, 2), figure.verdict) for figure in figures(runs) if figure.bound}
    assert judged == {
        "480p, 1 core: our CPU": (1.15, "missed"),
        "480p, 1 core: our frames a second": (1.5, "met"),
        "480p, 2 cores: our frames a second": (1.67, "missed"),
        "photo, 1 core: our CPU": (0.8, "met"),
    }
