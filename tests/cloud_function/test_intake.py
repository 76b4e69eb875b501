import pytest
from function_settings import FunctionSettings
from intake import Ignored, ResultsCsv, Upload, of_event

JOB_ID = "0123456789abcdef0123456789abcdef"
ATTEMPT_FOLDER = f"a/f.mp4/{JOB_ID}/attempt-1"


def decide(container, blob, *, event_type="Microsoft.Storage.BlobCreated", settings=None, **changes):
    settings = settings or FunctionSettings("http://service", shared_container="shared")
    subject = f"/blobServices/default/containers/{container}/blobs/{blob}"
    details = {"api": "PutBlob", "contentLength": 9, "contentType": "application/octet-stream"} | changes
    return of_event(event_type, subject, details, settings)


@pytest.mark.parametrize(
    ("blob", "media"),
    [
        ("photo.jpg", "image"),
        ("PHOTO.JPEG", "image"),
        ("a folder/ü %20.png", "image"),
        ("clip.mp4", "video"),
        ("posed/clip.MKV", "video"),
        ("line\nbreak.webm", "video"),
    ],
)
def test_upload(blob, media):
    assert decide("c1", blob) == Upload("c1", blob, media)


@pytest.mark.parametrize("api", ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose"])
def test_apis_that_end_an_upload(api):
    assert isinstance(decide("c1", "p.jpg", api=api), Upload)


@pytest.mark.parametrize(
    ("container", "blob", "changes", "reason"),
    [
        ("c1", "p.jpg", {"event_type": "Microsoft.Storage.BlobDeleted"}, "not_blob_created"),
        ("c1", "p.jpg", {"event_type": "Microsoft.Storage.DirectoryCreated"}, "not_blob_created"),
        ("c1", "p.jpg", {"api": "CreateFile"}, "other_api"),
        ("c1", "p.jpg", {"api": "PutBlock"}, "other_api"),
        ("c1", "p.jpg", {"api": None}, "other_api"),
        ("c1", "p.jpg", {"contentLength": 0}, "empty"),
        ("c1", "p.jpg", {"contentLength": None}, "empty"),
        ("c1", "notes.txt", {}, "other_suffix"),
        ("c1", "no-suffix", {}, "other_suffix"),
        ("c1", "folder.jpg/notes", {}, "other_suffix"),
        ("c1", f"_results/f.jpg/{JOB_ID}/f.csv", {}, "other_results"),
        ("c1", "_results/p.jpg", {}, "other_results"),
        ("results", "c1/p.jpg", {}, "artefact"),
        ("results", f"{ATTEMPT_FOLDER}/manifest.json", {}, "artefact"),
        ("results", f"{ATTEMPT_FOLDER}/overlay.mp4", {}, "artefact"),
        ("results", f"{ATTEMPT_FOLDER}/other.csv", {}, "artefact"),
        ("$logs", "p.jpg", {}, "system_container"),
        ("azure-webjobs-hosts", "p.jpg", {}, "system_container"),
    ],
)
def test_ignored(container, blob, changes, reason):
    assert decide(container, blob, **changes) == Ignored(
        reason, *(() if reason == "not_blob_created" else (container, blob))
    )


def test_a_subject_that_names_no_blob_is_ignored():
    found = of_event("Microsoft.Storage.BlobCreated", "/elsewhere", {}, FunctionSettings("http://service"))
    assert found == Ignored("odd_subject")


def test_containers_are_chosen_by_a_pattern():
    settings = FunctionSettings("http://service", upload_containers="up-*", shared_container="shared")
    assert isinstance(decide("up-1", "p.jpg", settings=settings), Upload)
    assert isinstance(decide("shared", "p.jpg", settings=settings), Upload)
    assert decide("other", "p.jpg", settings=settings) == Ignored("other_container", "other", "p.jpg")


def test_suffixes_are_a_setting():
    settings = FunctionSettings("http://service", upload_suffixes=frozenset({"png"}))
    assert isinstance(decide("c1", "p.png", settings=settings), Upload)
    assert decide("c1", "p.jpg", settings=settings) == Ignored("other_suffix", "c1", "p.jpg")


def test_results_csv_in_the_results_container():
    blob = f"c1/a folder/p.jpg/{JOB_ID}/p.csv"
    assert decide("results", blob) == ResultsCsv("results", blob, JOB_ID)


def test_results_csv_in_the_uploads_own_container():
    settings = FunctionSettings("http://service", results_container="{container}")
    blob = f"_results/p.jpg/{JOB_ID}/p.csv"
    assert decide("c1", blob, settings=settings) == ResultsCsv("c1", blob, JOB_ID)
    assert decide("c1", "_results/p.jpg", settings=settings) == Ignored("artefact", "c1", "_results/p.jpg")
    assert isinstance(decide("c1", "p.jpg", settings=settings), Upload)
