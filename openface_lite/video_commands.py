"""FeatureExtraction (one tracked face) and FaceLandmarkVidMulti (several): videos in, rows out."""

from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import numpy as np

from openface_lite import about, action_units, columns, console, videos
from openface_lite.arguments import Arguments
from openface_lite.arrays import Array
from openface_lite.pictures import MediaError
from openface_lite.pose import Camera
from openface_lite.recorder import Job, Recorder, video_crop
from openface_lite.side_by_side import Clip, follow, process_pool
from openface_lite.stretches import Stretch, UnexpectedFrameError, cut
from openface_lite.track import FaceTracker, MultiFaceTracker


def feature_extraction(arguments: Arguments) -> int:
    """Run FeatureExtraction; returns its exit code. Raises OutputError, ModelsUnavailableError."""
    console.load_models()
    console.print_unsupported(arguments)
    stretches = {name: cut(Path(name)) for name in arguments.files}
    with process_pool(max(map(len, stretches.values()), default=0)) as pool:
        return _extract(arguments, stretches, pool)


def _extract(arguments: Arguments, stretches: dict[str, list[Stretch]], pool: Executor | None) -> int:
    for recorder, camera, footage in _inputs(arguments):
        with recorder:
            of_input = stretches.get(recorder.source, [])
            measured = _record_stretches(recorder, camera, footage, of_input, pool, arguments) if of_input else None
            measures, times_s = measured or _record_one_face(recorder, camera, footage, arguments)
        _print_closed()
        if columns.AUS in arguments.selection:
            print("Postprocessing the Action Unit predictions")
            recorder.rewrite_action_units(action_units.clip_units(measures, times_s, static=arguments.au_static))
    return 0


def face_landmark_vid_multi(arguments: Arguments) -> int:
    """Run FaceLandmarkVidMulti; returns its exit code. Raises OutputError, ModelsUnavailableError."""
    console.load_models()
    console.print_unsupported(arguments)
    for recorder, camera, footage in _inputs(arguments):
        with recorder:
            _record_several_faces(recorder, camera, footage, arguments)
        _print_closed()
    return 0


def _inputs(arguments: Arguments) -> Iterator[tuple[Recorder, Camera, videos.Footage]]:
    """Open one input after the other; like the real tools, stop in silence (exit 0) at a bad one."""
    sources = [(name, False) for name in arguments.files] + [(name, True) for name in arguments.folders]
    for index, (source, is_folder) in enumerate(sources):
        footage = _open_folder(source) if is_folder else _open_file(source)
        if footage is None:
            return
        print("Device or file opened")
        print("Starting tracking")
        camera = arguments.camera(footage.width, footage.height)
        folder, stem = arguments.output(index, Path(source).name if is_folder else Path(source).stem)
        groups = columns.video_groups(arguments.selection)
        remarks = about.remarks(arguments.landmark_model)
        job = Job(folder, stem, source, camera, groups, arguments.selection, remarks, arguments.aligned)
        yield Recorder(job), camera, footage


def _open_file(source: str) -> videos.Footage | None:
    print(f"Attempting to read from file: {source}")
    try:
        return videos.open_video(Path(source))
    except MediaError:
        print(f"Failed to open the video file at location: {source}")
        return None


def _open_folder(source: str) -> videos.Footage | None:
    paths = console.images_in_folder(source)
    try:
        return videos.open_sequence([Path(path) for path in paths]) if paths else None
    except MediaError:
        print(f"Failed to open the image sequence: {source}")
        return None


def _record_one_face(
    recorder: Recorder, camera: Camera, footage: videos.Footage, arguments: Arguments
) -> tuple[Array, Array]:
    """Write one row a frame; returns the (frames, 21) signals, NaN without a face, and the frames' times in s.

    Signals are measured only where action units are among the columns.
    """
    tracker = FaceTracker(camera=camera, thorough=arguments.thorough)
    with_units = columns.AUS in arguments.selection
    streamed = columns.without_units(columns.video_groups(arguments.selection))
    measures, times_s = [], []
    for number, frame in _counted(footage):
        face = tracker.step(frame.picture)
        recorder.write(columns.video_values(number, 0, frame.time_s, face, streamed))
        if face:
            recorder.draw(frame.picture, face, video_crop(0, number))
        measures.append(face.au_measures if face and with_units else action_units.NOT_MEASURED)
        times_s.append(frame.time_s)
    return np.array(measures), np.array(times_s)


def _record_stretches(
    recorder: Recorder,
    camera: Camera,
    footage: videos.Footage,
    stretches: list[Stretch],
    pool: Executor | None,
    arguments: Arguments,
) -> tuple[Array, Array] | None:
    """As `_record_one_face`, stretch by stretch; None where the file is not what its packets promise."""
    size, path = (footage.width, footage.height), Path(recorder.source)
    clip = Clip(path, size, camera, stretches[0].stamps[0], arguments.selection, arguments.thorough, recorder.crops)
    frames, written = sum(len(stretch.stamps) for stretch in stretches), 0

    def write(lines: list[str]) -> None:
        nonlocal written
        recorder.write_lines(lines)
        written += len(lines)
        print(f"{100 * written // frames}% ", end="\n" if written == frames else "", flush=True)

    try:
        return follow(clip, stretches, recorder.folder, pool, write)
    except UnexpectedFrameError:
        recorder.start_again()
        return None


def _record_several_faces(recorder: Recorder, camera: Camera, footage: videos.Footage, arguments: Arguments) -> None:
    """One row a face and frame; none for a frame without a face."""
    tracker = MultiFaceTracker(camera=camera, thorough=arguments.thorough, faces_at_most=arguments.faces_at_most)
    groups = columns.video_groups(arguments.selection)
    for number, frame in _counted(footage):
        for slot, face in tracker.step(frame.picture).items():
            recorder.write(columns.video_values(number, slot, frame.time_s, face, groups))
            recorder.draw(frame.picture, face, video_crop(slot, number))


def _counted(footage: videos.Footage) -> Iterator[tuple[int, videos.Frame]]:
    """Frames numbered from 1; prints a percent word each tenth, at most one a frame."""
    reported = 0
    for number, frame in enumerate(footage.frames, start=1):
        if footage.expected_frames and 10 * (number - 1) / footage.expected_frames >= reported:
            print(f"{10 * reported}% ", end="", flush=True)
            reported += 1
        yield number, frame
    if footage.expected_frames:
        print("100% " if reported <= 10 else "")


def _print_closed() -> None:
    print("Closing output recorder")
    print("Closing input reader")
    print("Closed successfully")
