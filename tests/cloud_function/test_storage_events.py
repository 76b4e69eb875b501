import azure.functions as func
import pytest
from function_settings import FunctionSettings
from storage_events import Ignored, ResultsCsv, StorageEvent, Upload, of_blob, of_event, read_event

from service.jobs.upload_places import blob_of, container_of

JOB_ID = "0123456789abcdef0123456789abcdef"
ATTEMPT_FOLDER = f"a/f.mp4/{JOB_ID}/attempt-1"
CREATED, RENAMED = "Microsoft.Storage.BlobCreated", "Microsoft.Storage.BlobRenamed"


def decide(container, blob, *, event_type=CREATED, settings=None, **changes):
    settings = settings or FunctionSettings("http://service", shared_container="shared")
    subject = f"/blobServices/default/containers/{container}/blobs/{blob}"
    fields = {"api": "PutBlob", "length": 9, "content_type": "application/octet-stream"} | changes
    return of_event(StorageEvent(event_type, subject, **fields), settings)


@pytest.mark.parametrize(
    ("blob", "media"),
    [
        ("photo.jpg", "image"),
        ("PHOTO.JPEG", "image"),
        ("IMG_0001.HEIC", "image"),
        ("a folder/ü %20.png", "image"),
        ("clip.mp4", "video"),
        ("posed/clip.MKV", "video"),
        ("00001.MTS", "video"),
        ("line\nbreak.webm", "video"),
        ("/leading//empty/p.jpg", "image"),
    ],
)
def test_media_by_suffix_is_an_upload(blob, media):
    assert decide("c1", blob) == Upload("c1", blob, media)


@pytest.mark.parametrize("blob", ["upload", "upload.0", "scan.2024-01-31", "photo.jpg.part"])
def test_content_type_decides_where_the_suffix_is_unknown(blob):
    assert decide("c1", blob, content_type="image/jpeg") == Upload("c1", blob, "image")
    assert decide("c1", blob, content_type="text/plain") == Ignored("other_kind", "c1", blob)
    # A renamed blob's event tells no content type: the blob itself must be asked.
    assert decide("c1", blob, content_type=None) == Upload("c1", blob, None)


@pytest.mark.parametrize("api", ["PutBlob", "PutBlockList", "CopyBlob", "FlushWithClose", "SftpCommit"])
def test_calls_that_complete_a_blob_start_its_analysis(api):
    assert isinstance(decide("c1", "p.jpg", api=api), Upload)


@pytest.mark.parametrize("api", ["RenameFile", "SftpRename"])
def test_a_rename_starts_the_analysis_of_the_new_name(api):
    found = decide("c1", "p.jpg", event_type=RENAMED, api=api, length=None, content_type=None)
    assert found == Upload("c1", "p.jpg", "image")


@pytest.mark.parametrize(
    ("container", "blob", "changes", "reason"),
    [
        ("c1", "p.jpg", {"event_type": "Microsoft.Storage.BlobDeleted"}, "other_event_type"),
        ("c1", "p.jpg", {"event_type": "Microsoft.Storage.DirectoryCreated"}, "other_event_type"),
        ("c1", "p.jpg", {"event_type": ""}, "other_event_type"),
        ("c1", "p.jpg", {"api": "CreateFile"}, "other_api"),
        ("c1", "p.jpg", {"api": "SftpCreate"}, "other_api"),
        ("c1", "p.jpg", {"api": "PutBlock"}, "other_api"),
        ("c1", "p.jpg", {"api": ""}, "other_api"),
        ("c1", "p.jpg", {"length": 0}, "empty"),
        ("c1", "p.jpg", {"length": -1}, "empty"),
        ("c1", "notes.txt", {}, "other_kind"),
        ("c1", "no-suffix", {}, "other_kind"),
        ("c1", "folder.jpg/notes", {}, "other_kind"),
        ("c1", "._p.jpg", {}, "apple_double"),
        ("c1", "a folder/._p.jpg", {}, "apple_double"),
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
def test_other_events_are_ignored_with_their_reason(container, blob, changes, reason):
    place = () if reason == "other_event_type" else (container, blob)
    assert decide(container, blob, **changes) == Ignored(reason, *place)


@pytest.mark.parametrize("subject", ["", "/elsewhere", "/blobServices/default/containers/c1", "p.jpg"])
def test_a_subject_that_names_no_blob_is_ignored(subject):
    event = StorageEvent(CREATED, subject, "PutBlob", "image/jpeg", 9)
    assert of_event(event, FunctionSettings("http://service")) == Ignored("odd_subject")


def test_containers_are_chosen_by_a_pattern():
    settings = FunctionSettings("http://service", upload_containers="up-*", shared_container="shared")
    assert isinstance(decide("up-1", "p.jpg", settings=settings), Upload)
    assert isinstance(decide("shared", "p.jpg", settings=settings), Upload)
    assert decide("other", "p.jpg", settings=settings) == Ignored("other_container", "other", "p.jpg")


def test_what_pages_and_client_send_is_submitted_by_them():
    container, blob = container_of("lab", "20261231"), blob_of("0a" * 32, "p.jpg")
    assert decide(container, blob) == Ignored("submitted_by_sender", container, blob)
    # Others may use such a container, and such a folder.
    assert isinstance(decide(container, "p.jpg"), Upload)
    assert isinstance(decide("c1", blob), Upload)


def test_suffixes_are_a_setting():
    settings = FunctionSettings("http://service", upload_suffixes=frozenset({"png"}))
    assert isinstance(decide("c1", "p.png", settings=settings), Upload)
    assert decide("c1", "p.jpg", settings=settings) == Ignored("other_kind", "c1", "p.jpg")
    assert decide("c1", "p", content_type="image/jpeg", settings=settings) == Ignored("other_kind", "c1", "p")
    # Known as no upload without asking the blob.
    assert decide("c1", "p.jpg", content_type=None, settings=settings) == Ignored("other_kind", "c1", "p.jpg")


def test_results_csv_in_the_results_container():
    blob = f"c1/a folder/p.jpg/{JOB_ID}/p.csv"
    assert decide("results", blob) == ResultsCsv("results", blob, JOB_ID)


def test_results_csv_in_the_uploads_own_container():
    settings = FunctionSettings("http://service", results_container="{container}")
    blob = f"_results/p.jpg/{JOB_ID}/p.csv"
    assert decide("c1", blob, settings=settings) == ResultsCsv("c1", blob, JOB_ID)
    assert decide("c1", "_results/p.jpg", settings=settings) == Ignored("artefact", "c1", "_results/p.jpg")
    assert isinstance(decide("c1", "p.jpg", settings=settings), Upload)


def event_grid(data, subject="/blobServices/default/containers/c1/blobs/p.jpg", event_type=CREATED):
    return func.EventGridEvent(
        id="1", topic="t", subject=subject, event_type=event_type, event_time=None, data_version="", data=data
    )


@pytest.mark.parametrize("data", [None, [], [{"api": "PutBlob"}], "PutBlob", 7, {}, {"api": ["PutBlob"]}])
def test_data_of_another_shape_ends_as_another_call(data):
    event = read_event(event_grid(data))
    assert of_event(event, FunctionSettings("http://service")) == Ignored("other_api", "c1", "p.jpg")


@pytest.mark.parametrize(("subject", "event_type"), [(None, CREATED), (7, CREATED), ([], None)])
def test_a_missing_subject_or_type_is_ignored(subject, event_type):
    event = read_event(event_grid({"api": "PutBlob", "contentLength": 5}, subject, event_type))
    assert isinstance(of_event(event, FunctionSettings("http://service")), Ignored)


@pytest.mark.parametrize(
    ("told", "length"),
    [(5, 5), ("5", 5), (" 5 ", 5), ("0", 0), (None, None), ("five", None), (5.5, None), (True, None), ("-1", None)],
)
def test_a_length_is_read_as_number_or_text(told, length):
    assert read_event(event_grid({"api": "PutBlob", "contentLength": told})).length == length


def test_both_schemas_are_read_alike():
    data = {"api": "PutBlob", "contentType": "image/png", "contentLength": 5}
    subject = "/blobServices/default/containers/c1/blobs/p.png"
    cloud_event = func.CloudEvent(
        id="1", source="/subscriptions/s", type=CREATED, specversion="1.0", subject=subject, data=data
    )
    assert read_event(cloud_event) == read_event(event_grid(data, subject))
    assert read_event(cloud_event) == StorageEvent(CREATED, subject, "PutBlob", "image/png", 5)


def test_a_blob_of_unknown_length_may_be_an_upload():
    assert of_blob("c1", "p.jpg", None, None, FunctionSettings("http://service")) == Upload("c1", "p.jpg", "image")
