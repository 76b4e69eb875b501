"""What the columns of a result mean."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from service.engine.column_meanings import meanings
from service.engine.columns import IMAGE_COLUMNS, VIDEO_COLUMNS
from service.settings import REPOSITORY
from service.web.app import create_app
from tests.conftest import StorageAccount


def test_all_columns_are_listed_in_order(client: FlaskClient) -> None:
    told = client.get("/schema").json
    assert [column["name"] for column in told["image"]] == list(IMAGE_COLUMNS)
    assert [column["name"] for column in told["video"]] == list(VIDEO_COLUMNS)
    assert all(column["meaning"] for column in told["video"])
    assert client.get(f"/schema/{told['version']}").json == told


def test_support_is_the_engines_declaration(client: FlaskClient) -> None:
    told = client.get("/schema").json
    support = {column["name"]: column["support"] for column in told["video"]}
    assert told["engine"]["name"] == "openface_lite"
    assert (support["AU12_r"], support["AU02_r"], support["AU04_r"]) == ("supported", "weak", "not_estimable")
    assert support["pose_Rx"] is None
    assert (support["AU45_c"], support["AU12_c"]) == ("supported", "not_estimable")


def test_engines_to_choose_from_are_listed_with_their_licence(account: StorageAccount) -> None:
    example, absent = REPOSITORY / "examples" / "engine", REPOSITORY / "no such folder"
    settings = account.settings.model_copy(update={"engines_available": f"mine={example},away={absent}"})
    client = create_app(replace(account.services, settings=settings)).test_client()
    listed = {engine["option"]: engine for engine in client.get("/schema").json["engines"]}
    assert set(listed) == {"", "mine"}
    assert (listed["mine"]["name"], listed["mine"]["licence_class"]) == ("example", "permissive")
    account.put("face.jpg", b"x")
    path = f"/analyse/image/wild/{account.container}?blob=face.jpg"
    [own], [chosen] = (client.post(f"{path}{more}").json["jobs"] for more in ("", "&engine=mine"))
    assert own["id"] != chosen["id"]
    refused = client.post(f"{path}&engine=other")
    assert (refused.status_code, refused.json["code"]) == (400, "option_unavailable")
    assert "it has away, mine" in refused.json["detail"]


def test_each_measured_unit_states_what_it_rests_on_and_cannot_tell(client: FlaskClient) -> None:
    columns = {column["name"]: column for column in client.get("/schema").json["video"]}
    assert "smile" in columns["AU06_r"]["rests_on"] and "Duchenne" in columns["AU06_r"]["cannot_tell"]
    for name, column in columns.items():
        measured = name.endswith("_r") and column["support"] in ("supported", "weak")
        assert bool(column["rests_on"] and column["cannot_tell"]) == measured, name


@pytest.mark.parametrize(
    ("name", "unit", "group"),
    [
        ("x_0", "px", "landmarks"),
        ("X_0", "mm", "landmarks"),
        ("eye_lmk_X_55", "mm", "eye landmarks"),
        ("pose_Rx", "rad", "head pose"),
        ("p_33", "", "shape"),
        ("p_rx", "rad", "shape"),
        ("gaze_angle_y", "rad", "gaze"),
        ("AU45_c", "", "action units"),
    ],
)
def test_columns_have_their_unit_and_group(name: str, unit: str, group: str) -> None:
    [column] = [column for column in meanings("video") if column.name == name]
    assert (column.unit, column.group) == (unit, group)


def test_other_versions_of_the_schema_are_not_found(client: FlaskClient) -> None:
    answer = client.get("/schema/2")
    assert (answer.status_code, answer.json["code"]) == (404, "schema_not_found")
    assert client.get("/schema/x").status_code == 400
