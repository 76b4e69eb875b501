"""`python -m infra.local.upload FILE`: put a photo or video into the local stack's storage.

Separate because it is the pipeline's other end: it knows storage and nothing of the service.
"""

import json
import mimetypes
import sys
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import click
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient, ContentSettings

from infra.local.stack import ADDRESSES_FILE, DEFAULT_RUN_FOLDER


def upload(connection_string: str, file: Path, container: str, metadata: Mapping[str, str]) -> str:
    """Upload `file` under its own name; returns `container/blob`."""
    content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    with BlobServiceClient.from_connection_string(connection_string) as service:
        with suppress(ResourceExistsError):
            service.create_container(container)
        with file.open("rb") as media:
            service.get_blob_client(container, file.name).upload_blob(
                media,
                overwrite=True,
                metadata=dict(metadata),
                content_settings=ContentSettings(content_type=content_type),
            )
    return f"{container}/{file.name}"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--container", help="Container to upload into; a new one by default.")
@click.option("--media-type", type=click.Choice(["posed", "wild"]), help="Written into the blob's metadata.")
@click.option("--run-folder", type=click.Path(path_type=Path), default=DEFAULT_RUN_FOLDER, show_default=True)
def main(file: Path, container: str | None, media_type: str | None, run_folder: Path) -> None:
    """Upload FILE into the running local stack."""
    try:
        addresses = json.loads((run_folder / ADDRESSES_FILE).read_text())
    except FileNotFoundError:
        click.echo(f"no stack runs in {run_folder}; start one: python -m infra.local.up", err=True)
        sys.exit(1)
    container = container or str(uuid.uuid4())
    metadata = {"media_type": media_type} if media_type else {}
    place = upload(addresses["connection_string"], file, container, metadata)
    click.echo(f"uploaded {place}\njobs     {addresses['service_url']}/jobs?container={container}")


if __name__ == "__main__":
    main()
