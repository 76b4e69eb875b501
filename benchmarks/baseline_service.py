"""The simple service that this one replaces: a request downloads, runs one `os.system` call, uploads, and answers.

Only for comparison (`benchmarks.photos`): run by gunicorn with sync workers, it is what most people write first. Its
names are made by the benchmark; `os.system` with names from outside would be a hole.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from azure.storage.blob import BlobServiceClient
from flask import Flask

app = Flask(__name__)
storage = BlobServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
bin_dir = os.environ["OPENFACE_BIN_DIR"]
results = os.environ["RESULTS_CONTAINER"]


@app.get("/analyse/image/wild/<container>/<blob>")
def analyse(container: str, blob: str) -> str:
    """One picture, from blob to CSV, while the caller waits."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / blob
        with picture.open("wb") as file:
            storage.get_blob_client(container, blob).download_blob().readinto(file)
        os.system(f"{bin_dir}/FaceLandmarkImg -f {picture} -out_dir {folder}/out -wild >/dev/null 2>&1")
        csv = Path(folder) / "out" / f"{picture.stem}.csv"
        with csv.open("rb") as file:
            storage.get_blob_client(results, f"{container}/{csv.name}").upload_blob(file, overwrite=True)
    return "done"
