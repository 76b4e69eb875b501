import socket

from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueServiceClient

from infra.local.azurite import Azurite, start_azurite
from infra.local.loopback import accepts


def test_blobs_and_queues_answer(azurite):
    with BlobServiceClient.from_connection_string(azurite.connection_string) as blobs:
        assert blobs.get_service_properties()
    with QueueServiceClient.from_connection_string(azurite.connection_string) as queues:
        assert isinstance(list(queues.list_queues()), list)


def test_a_restart_keeps_ports_and_data(tmp_path):
    with start_azurite(tmp_path) as azurite:
        told = azurite.connection_string
        with BlobServiceClient.from_connection_string(told) as blobs:
            blobs.create_container("kept").upload_blob("a", b"1")
            azurite.stop()
            assert not accepts(azurite.blob_port)
            azurite.start()
            assert azurite.connection_string == told
            assert blobs.get_blob_client("kept", "a").download_blob().readall() == b"1"
    assert not accepts(azurite.blob_port)


def test_a_taken_port_is_no_failure(tmp_path):
    azurite = Azurite(tmp_path)
    with socket.create_server(("127.0.0.1", azurite.blob_port)) as taken:
        try:
            azurite.start()
            assert azurite.blob_port != taken.getsockname()[1]
        finally:
            azurite.stop()
