"""The schema, against OpenFace's own tables."""

import pytest

from service.engine.columns import IMAGE_COLUMNS, VIDEO_COLUMNS, columns_for
from tests.fixtures.jobs import SAMPLES


def test_columns_have_their_places():
    assert (len(IMAGE_COLUMNS), len(VIDEO_COLUMNS)) == (711, 714)
    assert len(set(VIDEO_COLUMNS)) == 714
    assert VIDEO_COLUMNS.index("pose_Tx") == 293
    assert VIDEO_COLUMNS.index("x_0") == 299
    assert VIDEO_COLUMNS.index("X_0") == 435
    assert VIDEO_COLUMNS.index("p_scale") == 639
    assert VIDEO_COLUMNS[679] == "AU01_r"
    assert VIDEO_COLUMNS[696] == "AU01_c"
    assert [name for name in VIDEO_COLUMNS if name.startswith("AU28")] == ["AU28_c"]


@pytest.mark.parametrize(
    ("sample", "media"),
    [
        ("facelandmarkimg_single_face.csv", "image"),
        ("featureextraction_no_space_dialect.csv", "video"),
        ("featureextraction_spaced_dialect_30rows.csv", "video"),
        ("featureextraction_header_3rows.csv", "video"),
    ],
)
def test_real_headers_are_the_known_columns(sample, media):
    path = SAMPLES / sample
    if not path.exists():
        pytest.skip("OpenFace's own tables are not beside this checkout")
    header = path.read_text().splitlines()[0]
    assert tuple(name.strip() for name in header.split(",")) == columns_for(media)
