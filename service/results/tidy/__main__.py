"""The child's entry: `python -m service.results.tidy REQUEST.json` writes a result's table as tidy Parquet."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from service.results.annotations import Annotations
from service.results.collect.columns import Layout
from service.results.collect.join import Collector
from service.results.collect.sources import CollectedResult
from service.results.collect.write import table_writer


def main(request: dict[str, Any]) -> None:
    """Write the file."""
    layout = Layout.of()
    collector = Collector(layout)
    annotations = Annotations.model_validate(request["annotations"])
    found = CollectedResult("result", request["manifest"], Path(request["csv"]), annotations=annotations)
    with table_writer(Path(request["out"]), layout.schema) as write:
        for chunk in collector.add(found):
            write(chunk)
        for chunk in collector.flush():
            write(chunk)


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
