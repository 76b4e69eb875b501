import socket

import pytest

from infra.local.loopback import HOST, free_ports
from service.settings import BadSettings, Settings
from service.web.server.start import refuse_taken_ports


def test_a_port_that_is_taken_is_named_before_the_server_starts():
    port, metrics_port = free_ports(2)
    settings = Settings.load({"HOST": HOST, "PORT": str(port), "METRICS_PORT": str(metrics_port)})
    refuse_taken_ports(settings)
    with socket.socket() as other:
        other.bind((HOST, metrics_port))
        other.listen()
        with pytest.raises(BadSettings, match=f"METRICS_PORT: {metrics_port} is taken"):
            refuse_taken_ports(settings)


def test_ports_for_servers_are_different_and_not_those_of_outgoing_connections():
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert all(20000 <= port < 32768 for port in ports)
