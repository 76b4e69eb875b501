"""Names from outside: what may be asked for, and where its results go."""

from __future__ import annotations

import dataclasses

import pytest

from service.errors import BadRequest
from service.jobs.job import AnalysisJob
from service.jobs.names import check_blob, check_container, is_upload
from service.jobs.options import JobOptions
from service.jobs.result_place import ResultPlace

JOB = AnalysisJob("abc", "b.jpg", "e", "image", "wild", JobOptions.resolve("image", "wild", {}))


@pytest.mark.parametrize("name", ["abc", "3f0c6a3e-6a6e-4f5e-9d0c-1f5f0a9b7c11", "a" * 63, "0-1"])
def test_usual_container_names_are_taken(name: str) -> None:
    assert check_container(name, "results") == name


@pytest.mark.parametrize(
    "name", ["", "ab", "a" * 64, "Abc", "a--b", "-ab", "ab-", "a.b", "a/b", "a%2fb", "$logs", "résumé", "results"]
)
def test_names_that_are_no_media_containers_are_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        check_container(name, "results")


@pytest.mark.parametrize(
    "name", ["a.jpg", "x/y z.png", "ünï/код.mp4", "-dash.jpg", "a#b?c%2F'\".jpg", "...jpg", "a" * 1020 + ".jpg"]
)
def test_usual_blob_names_are_taken(name: str) -> None:
    assert check_blob(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a" * 1025,
        "../a.jpg",
        "a/../b.jpg",
        "./a.jpg",
        "a//b.jpg",
        "/a.jpg",
        "a/",
        "a\\b.jpg",
        "a\nb.jpg",
        "a\x00.jpg",
        "_results/a.jpg",
    ],
)
def test_names_that_are_no_blobs_are_refused(name: str) -> None:
    with pytest.raises(BadRequest):
        check_blob(name)
    assert not is_upload("abc", name, "results")


@pytest.mark.parametrize(
    ("container", "blob", "is_one"),
    [
        ("abc", "x/a.jpg", True),
        ("results", "x/a.jpg", False),
        ("abc", f"x/{'0' * 32}/{'1' * 12}/overlay.jpg", False),
    ],
)
def test_results_are_no_uploads(container: str, blob: str, is_one: bool) -> None:
    assert is_upload(container, blob, "results") == is_one


@pytest.mark.parametrize("container", ["results", "{container}"])
@pytest.mark.parametrize("blob", ["a.jpg", "x/y.jpg", "n" * 1020 + ".jpg", "d/" * 500 + "x.jpg", "é" * 1024])
def test_result_names_fit_and_are_unique(container: str, blob: str) -> None:
    job = dataclasses.replace(JOB, blob=blob)
    place = ResultPlace.of(job, container)
    names = [place.csv, place.manifest("0123456789ab"), place.artefact("0123456789ab", "x" * 60)]
    assert all(len(name) <= 1024 for name in names)
    assert all(job.job_id in name for name in names)
    assert place.csv.endswith(".csv")
    other = ResultPlace.of(dataclasses.replace(job, blob=blob + "x"), container)
    assert other.csv != place.csv


def test_results_of_a_short_name_are_where_the_contract_says() -> None:
    place = ResultPlace.of(JOB, "results")
    assert (place.container, place.csv) == ("results", f"abc/b.jpg/{JOB.job_id}/b.csv")
    assert place.manifest("a1") == f"abc/b.jpg/{JOB.job_id}/a1/manifest.json"
    own = ResultPlace.of(JOB, "{container}")
    assert (own.container, own.csv) == ("abc", f"_results/b.jpg/{JOB.job_id}/b.csv")
