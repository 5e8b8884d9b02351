"""A paho client that is set up for this device and closes what it opened when a connection fails half-way."""

import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dermscan.bus.events import Availability
from dermscan.bus.identity import Identity
from dermscan.bus.topics import Topics
from dermscan.settings import BusSettings

CONNECT_S = 3.0
"""Seconds for which the broker may take to answer a connection."""

KEEPALIVE_S = 10
"""Seconds of silence after which the broker is asked for a sign; after 1.5 times that it publishes the will."""

VERDICT_S = 0.5
"""Seconds for which a broker's word on this device's certificate is waited for."""

PACKET_MAX_BYTES = 16_384
"""Longest packet that an MQTT 5 broker may hand over."""


def _closed_on_failure(connection: socket.socket, step: Callable[[], None]) -> None:
    try:
        step()
    except OSError:
        connection.close()
        raise


def _await_verdict(connection: ssl.SSLSocket) -> None:
    """Hear what the broker thinks of this device's certificate before anything is said to it.

    In TLS 1.3 the client's handshake is over before the server has judged the certificate (RFC 8446, appendix E.1). The
    server's next word is a session ticket or an alert; once something was sent after it, the alert can get lost.

    Raises:
        ssl.SSLError: The broker refuses the connection.
        OSError: The connection is gone.
    """
    if connection.version() != "TLSv1.3" or not select.select([connection], [], [], VERDICT_S)[0]:
        return
    connection.setblocking(False)
    with suppress(ssl.SSLWantReadError):
        connection.recv(1)  # the broker has nothing to say before CONNECT: this reads the ticket or the alert
    connection.settimeout(CONNECT_S)


class ClosingClient(Client):
    """The library's client; its two ways to open a socket leave a failed one to the garbage collector, these do not."""

    def __init__(self, settings: BusSettings, identity: Identity, client_id: str, **options: Any) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id=client_id, transport=settings.transport, **options)
        self._settings = settings
        self._identity = identity
        self.connect_timeout = CONNECT_S
        self.username_pw_set(identity.username, identity.password)
        if identity.tls is not None:
            self.tls_set_context(identity.tls)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the broker, or its socket; paho insists on a port even where there is none."""
        if self._settings.transport == "unix":
            return str(self._settings.socket), 1
        return self._settings.host, self._settings.port

    def _create_unix_socket_connection(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(CONNECT_S)
        _closed_on_failure(connection, lambda: connection.connect(str(self._settings.socket)))
        return connection

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        if self._identity.tls is None:
            message = "TLS is asked for without a context"
            raise ValueError(message)
        connection = self._identity.tls.wrap_socket(
            tcp_sock, server_hostname=self._settings.host, do_handshake_on_connect=False
        )
        connection.settimeout(CONNECT_S)
        _closed_on_failure(connection, connection.do_handshake)
        _closed_on_failure(connection, lambda: _await_verdict(connection))
        return connection


class BrokerClient(ClosingClient):
    """The client of this device, with its will."""

    def __init__(
        self, settings: BusSettings, identity: Identity, topics: Topics, protocol: MQTTProtocolVersion
    ) -> None:
        super().__init__(settings, identity, f"dermscan-{topics.device}", protocol=protocol, reconnect_on_failure=False)
        self.will_set(topics.availability, Availability.OFFLINE, qos=1, retain=True)

    def open(self) -> None:
        """Connect and send CONNECT; the answer comes later.

        Raises:
            OSError: Nobody is there, or the connection is not to be trusted (`ssl.SSLError`).
            UnicodeError: The host is no host name.
        """
        host, port = self.address
        self.connect(host, port, KEEPALIVE_S, properties=self._packet_limit())

    def _packet_limit(self) -> Properties | None:
        if self.protocol != MQTTProtocolVersion.MQTTv5:
            return None
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.MaximumPacketSize = PACKET_MAX_BYTES
        return properties
