"""FaceLandmarkImg: pictures in, one CSV row a face out, largest face first."""

from pathlib import Path

from openface_lite import about, columns, console, media
from openface_lite.analyse import analyse_image
from openface_lite.arguments import Arguments
from openface_lite.arrays import Image
from openface_lite.recorder import Job, Recorder


def face_landmark_img(arguments: Arguments) -> int:
    """Run the command; returns its exit code. Raises OutputError, ModelsUnavailableError."""
    paths = _inputs(arguments)
    if not paths:
        print("Could not open any images")
        return 1
    print("Loading the model")
    console.load_models()
    print("Model loaded")
    console.print_unsupported(arguments)
    print("Starting tracking")
    for index, path in enumerate(paths):
        try:
            image = media.read_image(Path(path))
        except media.MediaError:
            # Like the real tool: one bad picture ends the batch.
            print(f"Error: Could not open the image: {path}")
            return 1
        _analyse(image, path, index, arguments)
    return 0


def _inputs(arguments: Arguments) -> list[str]:
    """The pictures named by -f, else those of the -fdir folder (-fdir does not count beside -f)."""
    if arguments.files or not arguments.folders:
        return list(arguments.files)
    if len(arguments.folders) > 1:
        print("WARNING: only the first -fdir is read")
    return console.images_in_folder(arguments.folders[0])


def _analyse(image: Image, path: str, index: int, arguments: Arguments) -> None:
    height, width = image.shape[:2]
    camera = arguments.camera(width, height)
    folder, stem = arguments.output(index, Path(path).stem)
    groups = columns.image_groups(arguments.selection)
    remarks = about.remarks(arguments.landmark_model)
    with Recorder(Job(folder, stem, path, camera, groups, arguments.selection, remarks)) as recorder:
        for number, face in enumerate(analyse_image(image, camera=camera, thorough=arguments.thorough)):
            head: dict[str, columns.Cells] = {"face": [number], "confidence": [face.confidence]}
            recorder.write(head | columns.face_values(face))
