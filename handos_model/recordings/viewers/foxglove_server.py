"""`FoxgloveServer`: what a program sees of the hands that connects to a WebSocket, such as Foxglove."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import Final

import foxglove
from foxglove.websocket import ChannelView, Client, ServerListener

from handos_model.hand.topology import HandTopology
from handos_model.recordings.formats.frame_messages import (
    MESSAGE_ENCODING,
    SCHEMA_ENCODING,
    TOPICS,
    TOPOLOGY_TOPIC,
    FrameMessages,
    definition,
)
from handos_model.recordings.formats.frame_writer import FrameWriter
from handos_model.recordings.frame_hands import FrameHands
from handos_model.recordings.source import FrameSource

_BACKLOG: Final = 64
"""Messages that wait for a slow client, some ten frames; then its oldest are dropped."""


class FoxgloveServer:
    """Serves the messages of MCAP files while the hands are found; what nobody watches is not made.

    Parameters
    ----------
    host, port
        Address that is listened at; 127.0.0.1 reaches programs on this computer only, port 0 is any that is free.
    topology
        Topology of the hands' vertices.
    operator
        Whose size the metres are scaled to, and the factor; "" and 1: nobody's.
    with_meshes
        Also fill `Hand.vertices`; the scene has the meshes in any case.

    Raises
    ------
    OSError
        If the address cannot be listened at.
    """

    is_open = True

    def __init__(
        self, host: str, port: int, topology: HandTopology, operator: tuple[str, float], *, with_meshes: bool
    ) -> None:
        self._topology, self._operator, self._with_meshes = topology, operator, with_meshes
        self._context = foxglove.Context()  # the channels do not keep it alive
        self._newcomers = _Newcomers()
        try:
            self._server = foxglove.start_server(
                name="handos",
                host=host,
                port=port,
                context=self._context,
                server_listener=self._newcomers,
                message_backlog_size=_BACKLOG,
            )
        except RuntimeError as error:
            raise OSError(f"--foxglove cannot listen at {host}:{port} ({error}): give another port") from error
        self._channels = {topic: _channel(topic, self._context) for topic in TOPICS}

    @property
    def port(self) -> int:
        """Where clients connect."""
        return self._server.port

    def send(self, topic: str, data: bytes, logged: int) -> None:
        """Send a message to those that watch its topic; `logged` in nanoseconds."""
        self._channels[topic].log(data, log_time=logged)

    def is_due(self, topic: str) -> bool:
        """Whether a message of the next frame is wanted on a topic."""
        if not self.is_watched(topic):
            return False
        return topic != TOPOLOGY_TOPIC or self._newcomers.take()

    def is_watched(self, topic: str) -> bool:
        """Whether a client has subscribed to a topic."""
        return self._channels[topic].has_sinks()

    @contextmanager
    def show(self, source: FrameSource) -> Iterator[FrameWriter]:
        """As `Viewer`."""
        self._server.clear_session()  # clients forget the source before, whose stamps may be later
        messages = FrameMessages(
            self._topology, self._operator, with_meshes=self._with_meshes, is_timed=source.is_video
        )
        yield _Frames(self, messages)

    def close(self) -> None:
        """Take leave of the clients."""
        self._server.stop()


class _Newcomers(ServerListener):
    """Notices who subscribes to the topology, which is sent once."""

    def __init__(self) -> None:
        self._wait = Event()

    def on_subscribe(self, client: Client, channel: ChannelView) -> None:
        """Called by the server's thread."""
        if channel.topic == TOPOLOGY_TOPIC:
            self._wait.set()

    def take(self) -> bool:
        """Whether anybody has come since the last call."""
        waits = self._wait.is_set()
        self._wait.clear()
        return waits


class _Frames:
    def __init__(self, server: FoxgloveServer, messages: FrameMessages) -> None:
        self._server, self._messages = server, messages

    def write(self, result: FrameHands) -> None:
        for topic in TOPICS:
            if self._server.is_due(topic):
                self._server.send(topic, self._messages.serialise(topic, result), self._messages.log_time(result))


def _channel(topic: str, context: foxglove.Context) -> foxglove.Channel:
    schema = foxglove.Schema(name=TOPICS[topic], encoding=SCHEMA_ENCODING, data=definition(topic))
    return foxglove.Channel(topic, schema=schema, message_encoding=MESSAGE_ENCODING, context=context)
