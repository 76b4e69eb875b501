"""Whatever is sent, the answer is one that the OpenAPI document names: made-up requests to every route.

The same requests each time; SCHEMATHESIS_EXAMPLES asks for more of them, SCHEMATHESIS_LEAST how many there must be.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from itertools import count

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.openapi import from_wsgi
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from infra.local.azurite import Azurite
from service.errors import BadRequest
from service.jobs.names import check_blob
from service.jobs.options import OPTION_NAMES, SHORT_FORMS, JobOptions
from service.settings import Settings
from service.web.access.auth import Authenticator
from service.web.access.keys import new_key
from service.web.app import create_app
from service.web.services import KEY
from tests.conftest import account_on
from tests.fixtures.results_made import HEIGHT, WIDTH, write_table
from tests.integration.web.conftest import make_job, video_job

for kind in ("bmp", "avif", "heic", "tiff"):
    schemathesis.serializer.alias(f"image/{kind}", "application/octet-stream")

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "8"))
LEAST = int(os.environ.get("SCHEMATHESIS_LEAST", "0"))
PICTURE = "face.jpg"
STUDY = "pilot"
HEX = set("0123456789abcdef")

key_text, key = new_key("contract", ["admin"])
# Made before there is storage, since the tests are one a route; the fixture puts the services in.
app = create_app(None, Authenticator(Settings.load({"API_KEYS": key.entry, "RATE_LIMIT_PER_MINUTE": "0"})))
schema = from_wsgi("/openapi.json", app)
answered: dict[str, Counter[int]] = defaultdict(Counter)
job_ids: list[str] = []
containers: list[str] = []
numbers = count()


@pytest.fixture(scope="module", autouse=True)
def _services(azurite: Azurite, tmp_path_factory: pytest.TempPathFactory) -> None:
    account = account_on(azurite, tmp_path_factory.mktemp("contract"))
    app.extensions[KEY] = account.services
    account.put(PICTURE, b"x")
    containers.append(account.container)
    for state in ("succeeded", "cancelled", "running", "queued"):
        job_ids.append(make_job(account, f"{state}.jpg", state).job.job_id)
    studied = make_job(account, "studied.jpg", "succeeded")
    account.services.table.studies.join(studied, STUDY)
    account.services.table.studies.enlist(STUDY, "")
    table = write_table(account.settings.workspace.parent / "made.csv", 20).read_bytes()
    job_ids.insert(0, video_job(account, account.settings.workspace.parent / "t.csv", table, b"media", (WIDTH, HEIGHT)))


WHOLE_RESULTS = ("aligned", "faces", "files.zip", "result.parquet", "poster.jpg", "proxy")
OF_WHOLE_RESULTS = {f"GET /jobs/{{job_id}}/{name}" for name in WHOLE_RESULTS}
OF_WHOLE_RESULTS |= {f"GET /studies/{{study}}/{name}" for name in ("table.csv", "table.parquet", "report.html")}
"""Routes whose answers need more than a published table; other tests ask them for real ones."""


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
def test_every_response_is_documented(case: Case) -> None:
    _aim(case)
    excluded = [positive_data_acceptance] if _breaks_an_unwritten_rule(case) else []
    answer = case.call(headers={"X-API-Key": key_text})
    if answer.status_code == 413:
        # A body over the limit is refused as well, whatever is in it.
        excluded.append(negative_data_rejection)
    case.validate_response(answer, excluded_checks=excluded, headers={"X-API-Key": key_text})
    assert answer.status_code < 500
    answered[case.operation.label][answer.status_code] += 1


def test_generated_requests_reach_the_routes(capsys: pytest.CaptureFixture[str]) -> None:
    """Every route was asked for what is there as well as for what is not."""
    if len(answered) < len(list(schema.get_all_operations())):
        assert not LEAST, f"only {sorted(answered)} were asked"
        pytest.skip("only some of the routes were asked")
    unmet = {route for route, statuses in answered.items() if not {200, 201, 202, 204} & set(statuses)}
    assert unmet <= OF_WHOLE_RESULTS
    assert [route for route, statuses in answered.items() if "{" in route and not {400, 404} & set(statuses)] == []
    total = sum(answered.values(), Counter())
    if LEAST:
        with capsys.disabled():
            print(f"\n{total.total()} made-up requests to {len(answered)} routes: {dict(sorted(total.items()))}")
    assert total.total() >= LEAST


def _aim(case: Case) -> None:
    """Made-up names are of nothing that exists: put one that does in the place of some."""
    job_id, container = case.path_parameters.get("job_id"), case.path_parameters.get("name")
    if isinstance(job_id, str) and len(job_id) == 32 and set(job_id) <= HEX:
        video, *pictures = job_ids
        if case.path.endswith(("/series", "/media", "/annotations")):
            known = [video]
        elif case.path.endswith("/events"):
            # The streams of unfinished jobs are long; the first two are finished.
            known = pictures[:2]
        elif case.path.endswith(("/result.parquet", "/files.zip")):
            # A table without rows would start a child for each request, and be refused by it.
            known = pictures[1:]
        else:
            known = pictures
        number = int(job_id, 16) % (len(known) + 1)
        case.path_parameters["job_id"] = [*known, job_id][number]
    study = case.path_parameters.get("study")
    if isinstance(study, str) and re.fullmatch("[a-z0-9._-]+", study) and len(study) % 2:
        case.path_parameters["study"] = STUDY
    is_positive = bool(case.meta and case.meta.generation.mode.is_positive)
    # A name that breaks the rules stays as it is: it has to be refused.
    if isinstance(container, str) and re.fullmatch("[a-z0-9]{3,63}", container) and len(container) % 2:
        case.path_parameters["name"] = containers[0]
        if is_positive and len(container) % 4 == 1 and case.path.startswith("/analyse/"):
            # Names, media and options made up apart seldom agree: let something be started.
            case.path_parameters |= {"media": "image", "media_type": "wild"}
            case.query = {}
    blob = (case.query or {}).get("blob")
    if isinstance(blob, str) and blob and len(blob) % 2:
        case.query["blob"] = PICTURE
    if case.method == "PUT" and is_positive and case.path.startswith("/uploads/") and len(str(blob)) % 4:
        # A name that no picture has yet: names that are made up end in nothing that is one.
        case.query["blob"], case.body = f"{next(numbers)}.jpg", b"x"
    name = (case.query or {}).get("name")
    if case.method == "PUT" and is_positive and case.path == "/uploads" and len(str(name)) % 4:
        case.query["name"], case.body = f"{next(numbers)}.jpg", b"x"
        case.headers["X-Content-SHA256"] = hashlib.sha256(b"x").hexdigest()


def _breaks_an_unwritten_rule(case: Case) -> bool:
    """Whether a case breaks a rule that a schema of single parameters cannot express, or has an invented cursor."""
    given = {**(case.path_parameters or {}), **(case.query or {})}
    media, media_type = given.get("media"), given.get("media_type")
    return (
        "cursor" in given
        # Galleries are known where IDENTITY is on.
        or "gallery" in given
        # Callbacks are made where CALLBACK_HOSTS names their hosts.
        or "callback" in given
        # Made-up bytes are seldom a picture, and OpenFace is not installed here.
        or case.path.startswith("/api/")
        # A made-up upload is empty, no picture by its name, or there already.
        or (case.method == "PUT" and case.path.startswith("/uploads"))
        or (case.path == "/uploads" and not _can_be_a_file(str(given.get("name"))))
        # A face, a stretch or a number of rows that the made video does not have; pictures have none at all.
        or case.path.endswith(("/series", "/annotations"))
        or "engine" in given
        or (case.path.startswith("/analyse/") and not _can_be_resolved(given))
        or SHORT_FORMS.get(str(media_type), (media,))[0] != media
        or (media == "video" and given.get("blob") == PICTURE)
        or ("blob" in given and not _can_be_a_blob(str(given["blob"])))
    )


def _can_be_resolved(given: dict[str, object]) -> bool:
    """Whether options that are made up one by one can be had together, and for this media."""
    options = {name: str(given[name]) for name in OPTION_NAMES if name in given}
    try:
        return bool(JobOptions.resolve("video" if given.get("media") == "video" else "image", "wild", options))
    except BadRequest:
        return False


def _can_be_a_file(name: str) -> bool:
    return "/" not in name and _can_be_a_blob(f"{'0' * 64}/{name}")


def _can_be_a_blob(name: str) -> bool:
    try:
        return bool(check_blob(name))
    except BadRequest:
        return False
