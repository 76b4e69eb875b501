"""Two tables of the same faces, which differ by known amounts."""

from __future__ import annotations

import pytest

from service.results.agreement.figures import Agreement, FacesOfBoth, agreement
from service.results.agreement.side_by_side import lay_side_by_side, read_rows
from tests.fixtures.results_made import cells_of, write_table

FRAMES = 120


def smiles_more(frame: int) -> dict[str, str]:
    """Half an intensity more, and no AU45 at all."""
    cells = cells_of(frame)
    return cells | {"AU12_r": f"{float(cells['AU12_r']) + 0.5:.2f}", "AU45_r": "", "pose_Ry": "0.200"}


@pytest.fixture(scope="package")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Agreement, FacesOfBoth]:
    folder = tmp_path_factory.mktemp("tables")
    tables = [
        read_rows(write_table(folder / "a.csv", FRAMES), "video"),
        read_rows(write_table(folder / "b.csv", FRAMES, smiles_more), "video"),
    ]
    found = lay_side_by_side(*tables)
    faces = FacesOfBoth(*(table.measured(found.rows[:, side]) for side, table in enumerate(tables)))
    return agreement([found], [faces]), faces
