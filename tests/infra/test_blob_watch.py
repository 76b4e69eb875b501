"""Following the access log: what its lines say, and that nothing is lost when it is cut or storage is away."""

import time

import pytest
from azure.core.exceptions import AzureError
from azure.storage.blob import BlobServiceClient

from infra.local.function_runner.access_log import AccessLog, BlobName, written_blobs
from infra.local.function_runner.blob_watch import BlobWatch
from tests.infra.until import until


def line(request, status=201):
    return f'127.0.0.1 - - [28/Nov/2026:17:14:13 +0000] "{request} HTTP/1.1" {status} -\n'


@pytest.mark.parametrize(
    ("target", "status", "name"),
    [
        ("c1/p.jpg", 201, "p.jpg"),
        ("c1/a%20folder/%C3%BC.mp4", 201, "a folder/ü.mp4"),
        ("c1/was%3F.jpg", 201, "was?.jpg"),
        ("c1/100%25.jpg", 201, "100%.jpg"),
        ("c1/%252F.jpg", 201, "%2F.jpg"),
        ("c1/%22q%22.jpg", 201, '"q".jpg'),
        ("c1/a+b%2Bc%26d%23e.jpg", 201, "a+b+c&d#e.jpg"),
        ("c1//a//b.jpg", 201, "/a//b.jpg"),
        ("c1/big%20%C3%BC.bin?comp=blocklist", 201, "big ü.bin"),
        ("c1/copy.jpg", 202, "copy.jpg"),
        ("c1/p.jpg?comp=metadata", 200, "p.jpg"),
        ("c1/sas.jpg?se=2026-11-28T18%3A14%3A13Z&sp=cw&sv=2026-10-06&sr=b&sig=LkJ%2B%3D", 201, "sas.jpg"),
    ],
)
def test_a_successful_write_names_its_blob(target, status, name):
    assert written_blobs(line(f"PUT /devstoreaccount1/{target}", status)) == {BlobName("c1", name)}


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        ("PUT /devstoreaccount1/c1?restype=container", 201),
        ("PUT /devstoreaccount1/c1/p.jpg", 409),
        ("PUT /devstoreaccount1/c1/big.bin?comp=block&blockid=MDAw", 201),
        ("GET /devstoreaccount1/c1/p.jpg", 200),
        ("DELETE /devstoreaccount1/c1/p.jpg", 202),
        ("PUT /devstoreaccount1/analysis-jobs/messages/4f?popreceipt=a&visibilitytimeout=60", 204),
        ("PUT /devstoreaccount1/jobs(PartitionKey='a',RowKey='b/c')", 204),
    ],
)
def test_other_lines_name_none(request_line, status):
    assert not written_blobs(line(request_line, status))


def test_half_a_line_waits_for_its_rest(tmp_path):
    file = tmp_path / "log"
    file.write_text(line("PUT /a/c1/before.jpg"))
    log = AccessLog(file)
    whole = line("PUT /a/c1/p.jpg")
    for part, found in ((whole[:60], set()), (whole[60:], {BlobName("c1", "p.jpg")}), ("", set())):
        with file.open("a") as writer:
            writer.write(part)
        assert log.take().written == found


def test_a_long_log_is_emptied_and_says_that_it_may_have_gaps(tmp_path):
    file = tmp_path / "log"
    log = AccessLog(file, most_bytes=10)
    file.write_text(line("PUT /a/c1/p.jpg"))
    news = log.take()
    assert (news.written, news.may_have_gaps, file.stat().st_size) == ({BlobName("c1", "p.jpg")}, True, 0)
    assert not log.take().may_have_gaps


@pytest.fixture
def storage(azurite):
    with BlobServiceClient.from_connection_string(azurite.connection_string, retry_total=0) as service:
        yield service


class Watched:
    """A watch of a container, and the names that it has offered."""

    def __init__(self, storage, container, log):
        self.names, self.listings, self._container = [], 0, container.container_name
        self.watch = BlobWatch(storage, log, 0.0, self._offer, self._listed)

    def _offer(self, blob):
        if blob.container == self._container:
            self.names.append(blob.name)

    def _listed(self, _keys):
        self.listings += 1

    def has(self, name):
        self.watch.look()
        return name in self.names


class Slow(Watched):
    """A watch whose listings last."""

    listing_s = 0.05

    def _listed(self, keys):
        super()._listed(keys)
        time.sleep(self.listing_s)


def test_the_log_finds_a_blob_without_another_listing(azurite, storage, container):
    for number in range(100):
        container.upload_blob(f"{number}.jpg", b"1")
    seen = Watched(storage, container, AccessLog(azurite.part.log_file))
    seen.watch.look()
    assert len(seen.names) == 100
    container.upload_blob("was? 100%/ü.jpg", b"1")
    until(lambda: seen.has("was? 100%/ü.jpg"))
    # The last upload's line may follow the listing: a version offered twice is delivered once.
    assert (seen.listings, len(set(seen.names))) == (1, 101)


def test_a_blob_that_the_log_names_and_is_gone_is_passed_over(tmp_path, storage, container):
    container.upload_blob("there.jpg", b"1")
    file = tmp_path / "log"
    seen = Watched(storage, container, AccessLog(file))
    seen.watch.look()
    file.write_text(line(f"PUT /a/{container.container_name}/gone.jpg") + line("PUT /a/no-container/gone.jpg"))
    seen.watch.look()
    seen.watch.look()
    assert seen.names[0] == "there.jpg" and "gone.jpg" not in seen.names


def test_a_blob_that_storage_refuses_is_asked_for_once(tmp_path, storage, container):
    file = tmp_path / "log"
    file.touch()
    seen = Slow(storage, container, AccessLog(file))
    seen.watch.look()
    container.upload_blob("p.jpg", b"1")
    # A container's name that storage's own rules forbid.
    file.write_text(line("PUT /a/REFUSED/x.jpg"))
    with pytest.raises(AzureError):
        seen.watch.look()
    seen.watch.look()
    seen.watch.look()
    assert (seen.names, seen.listings) == (["p.jpg"], 2)


def test_everything_is_listed_after_the_log_was_cut(tmp_path, storage, container):
    file = tmp_path / "log"
    file.write_text(line("GET /a"))
    seen = Watched(storage, container, AccessLog(file))
    seen.watch.look()
    container.upload_blob("unsaid.jpg", b"1")
    seen.watch.look()
    assert not seen.names
    file.write_text("")
    seen.watch.look()
    assert (seen.names, seen.listings) == (["unsaid.jpg"], 2)


def test_without_a_log_listings_take_a_twentieth_of_the_time(storage, container):
    seen = Slow(storage, container, None)
    began = time.monotonic()
    until(lambda: seen.has("none") or seen.listings == 2)
    assert time.monotonic() - began > 20 * Slow.listing_s


def test_a_write_that_is_in_the_log_is_found_after_storage_was_away(azurite, storage, container):
    seen = Watched(storage, container, AccessLog(azurite.part.log_file))
    seen.watch.look()
    container.upload_blob("p.jpg", b"1")
    azurite.stop()
    with pytest.raises(AzureError):
        seen.watch.look()
    azurite.start()
    until(lambda: seen.has("p.jpg"))
