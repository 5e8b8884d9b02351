"""The demonstration's broker inside the process: anonymous, on loopback, in memory. Never used on an appliance."""

import asyncio
import logging
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING

from dermscan.errors import BusError

if TYPE_CHECKING:
    from amqtt.broker import Broker

HOST = "127.0.0.1"
START_S = 10.0
_CHATTY = ("amqtt", "transitions", "websockets")


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.create_server((HOST, 0)) as server:
        return int(server.getsockname()[1])


async def _shut_down(broker: "Broker") -> None:
    """Hang up on every client first: the library's shutdown waits for ever for one that stays."""
    for _, handler in list(broker.sessions.values()):
        if handler.writer is not None:
            with suppress(OSError):  # the client may have hung up in the same moment
                await handler.writer.close()
    await broker.shutdown()


class EmbeddedBroker:
    """An MQTT 3.1.1 broker on its own thread, over tcp and websocket.

    Attributes:
        port: Where MQTT over tcp is spoken.
        websocket_port: Where MQTT over websocket is spoken, for the bedside display.
    """

    def __init__(self, port: int = 0, websocket_port: int = 0) -> None:
        """Choose the ports; 0 takes one that is free."""
        self.port = port or free_port()
        self.websocket_port = websocket_port or free_port()
        self._ready: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="embedded-broker", daemon=True)

    def start(self) -> None:
        """Listen; returns when both listeners are open.

        Raises:
            BusError: The extra `demo` is not installed, or a port is in use.
        """
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._thread.start()
        self._ready.result(START_S)

    def stop(self) -> None:
        """Close all connections and end; harmless when not started."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(START_S)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        try:
            broker = await self._started()
        except BusError as error:
            self._ready.set_exception(error)
            return
        self._ready.set_result(None)
        await self._stop.wait()
        await _shut_down(broker)

    async def _started(self) -> "Broker":
        try:
            from amqtt.broker import Broker  # noqa: PLC0415 - the extra `demo` alone has it
            from amqtt.errors import BrokerError  # noqa: PLC0415
        except ImportError:
            problem = "the embedded broker needs the extra demo (pip install 'dermscan[demo]')"
            raise BusError(problem=problem) from None
        broker = Broker(self._config())
        try:
            await broker.start()
        except BrokerError:
            problem = f"the embedded broker cannot listen on {HOST}, ports {self.port} and {self.websocket_port}"
            raise BusError(problem=problem) from None
        return broker

    def _config(self) -> dict[str, object]:
        return {
            "listeners": {
                "default": {"type": "tcp", "bind": f"{HOST}:{self.port}"},
                "display": {"type": "ws", "bind": f"{HOST}:{self.websocket_port}"},
            },
            "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
        }
