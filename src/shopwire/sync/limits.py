"""Limits of the sync room; the protocol's own are in docs/protocol/sync-v1.md section 9."""

from typing import Final

import msgspec

TOPIC_CHARS_MAX: Final = 255
"""Length of a topic's name; longer is TopicRefused."""
TOPICS_MAX: Final = 1_000
"""Topics of one connection; a sub beyond it is refused whole with TooManyTopics."""
SSE_TOPICS_MAX: Final = 200
"""Topics of one event stream: they have to fit into its address and its cursor."""
POLL_WAIT_MS_MAX: Final = 25_000
"""How long a long-poll waits for news: below the time after which proxies give up on an answer."""
MESSAGE_BYTES_MAX: Final = 131_072
"""Size of one message of a client; larger closes the connection with 1009."""
MESSAGES_PER_S_MAX: Final = 50
"""Messages a client may send for long; one more is refused with TooManyMessages."""
MESSAGES_BURST_MAX: Final = 200
"""Messages a client may send at once."""
FLOOD_MESSAGES_MAX: Final = 200
"""Messages refused for their rate before the connection is closed as flooding."""
BAD_MESSAGES_MAX: Final = 20
"""Messages that could not be understood before the connection is closed."""
COMMANDS_MAX: Final = 64
"""Commands of one connection that wait for their answers; one more is refused with
TooManyMessages."""
COMMAND_BYTES_MAX: Final = 65_536
"""Size of the body of a command on a connection; larger is BodyTooLarge: HTTP takes more."""
COMMAND_RETRY_MS: Final = 100
"""Wait that is asked of a client with too many commands under way."""
EXPIRING_MS: Final = 60_000
"""How long before its token ends a client is told."""
COMMANDS_DRAIN_MS: Final = 2_000
"""Wait for commands under way when the server stops; longer ones take effect unanswered."""
HELLO_MS_MAX: Final = 10_000
"""Wait for the first message; then the connection is closed."""
SESSIONS_MAX: Final = 20_000
"""Open connections of one hub; one more is closed as server_full."""
CALLER_CONNECTIONS_MAX: Final = 200
"""Open connections of one caller at one hub; one more is closed as too_many_connections."""
ADDRESS_CONNECTIONS_MAX: Final = 2_000
"""Open connections of one address: an office or a whole school may share one. This machine's own
are not counted: a proxy on it says for whom it speaks."""
CROWD_MESSAGES_PER_S_MAX: Final = 500
"""Messages that all connections of one caller, or of one address, may send for long; one more is
refused with TooManyMessages."""
CROWD_MESSAGES_BURST_MAX: Final = 4_000
"""Messages that they may send at once."""
CONNECTIONS_RETRY_MS: Final = 10_000
"""Wait that is asked of whoever has too many connections."""

PING_AFTER_MS: Final = 10_000
"""A client that was silent this long is pinged."""
SILENCE_MS_MAX: Final = 30_000
"""Without any sign of life for this long a connection is closed: the only cut for being slow."""
SWEEP_EVERY_MS: Final = 1_000
"""How often silent connections are looked for."""
LATE_MS_MIN: Final = 20
"""A round of that which comes this much late excuses everybody's silence; less is no matter."""
CLOSE_GRACE_MS: Final = 2_000
"""Wait for the other side's close before the socket is cut."""

WRITE_HIGH_BYTES: Final = 65_536
"""Bytes waiting for a client's socket from which on its changes are only noted, per topic."""
WRITE_LOW_BYTES: Final = 16_384
"""Bytes waiting below which a slow client is written to again."""
WRITE_KERNEL_UNSENT_BYTES: Final = 65_536
"""Bytes the kernel takes for a socket beyond what is on the wire: the rest stays conflatable."""
BROADCAST_SCREENS_MIN: Final = 16
"""Screens from which on one frame is given to the kernel for all of them at once: for a few, each
send by itself is as fast."""
ANSWER_BYTES_MAX: Final = 262_144
"""Answers (pong, error, live) waiting for a client that does not read; then it is closed."""
SNAPSHOT_FRAME_BYTES: Final = 65_536
"""First snapshots of a sub are sent in frames of about this size."""

BEAT_MS: Final = 2_000
"""Time between beats."""
BEAT_SHARES: Final = 20
"""Parts of the connections that are beaten one after the other within BEAT_MS: a thousand beats at
once would hold up, here and on their way, whatever changes meanwhile."""
ROUND_SESSIONS: Final = 50
"""Connections that are beaten or swept at once; between two such groups changes go out, which would
else wait for some milliseconds with thousands of connections."""
PROVE_EVERY_MS: Final = 500
"""Time between two proofs that the hub holds everything committed."""
FLUSH_INTERVAL_MS: Final = 10.0
"""Time between two flushes under load; a change after a pause goes out at once."""
FLUSH_INTERVAL_MS_MAX: Final = 100.0
"""What the interval grows to where a flush itself takes long."""
FLUSH_SHARE_MAX: Final = 0.5
"""Share of time that flushes may take before the interval grows."""
FLUSH_SHARE_EASY: Final = 0.25
"""Share of time that flushes may take in which the interval shrinks: with few screens a change need
not wait for others."""

DOCUMENTS_READ_MAX: Final = 500
"""Topics of one read of documents; more are read in further ones."""
HISTORY_VERSIONS_MAX: Final = 8
"""Earlier documents kept of a topic somebody watches: deltas start there; else a snapshot."""
HISTORY_DOCUMENT_BYTES_MAX: Final = 16_384
"""A larger document is not kept as history."""
SHORT_FRAMES_MAX: Final = 1_024
"""Frames that are remembered in their short form; then all are forgotten."""
TOPICS_IDLE_MAX: Final = 20_000
"""Topics kept up to date though nobody watches them now; the longest unwatched go first."""
RETRY_MS_MIN: Final = 100
"""First wait before the log is asked again after a failure."""
RETRY_MS_MAX: Final = 2_000
"""Longest wait before the log is asked again."""
TICKETS_MAX: Final = 1_000
"""Subs of one connection that wait for their live; more closes it as flooding."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a server may want otherwise; the rest is fixed."""

    topics_max: int = TOPICS_MAX
    message_bytes_max: int = MESSAGE_BYTES_MAX
    messages_per_s_max: int = MESSAGES_PER_S_MAX
    messages_burst_max: int = MESSAGES_BURST_MAX
    commands_max: int = COMMANDS_MAX
    command_bytes_max: int = COMMAND_BYTES_MAX
    sessions_max: int = SESSIONS_MAX
    caller_connections_max: int = CALLER_CONNECTIONS_MAX
    address_connections_max: int = ADDRESS_CONNECTIONS_MAX
    crowd_messages_per_s_max: int = CROWD_MESSAGES_PER_S_MAX
    crowd_messages_burst_max: int = CROWD_MESSAGES_BURST_MAX
    hello_ms_max: int = HELLO_MS_MAX
    ping_after_ms: int = PING_AFTER_MS
    silence_ms_max: int = SILENCE_MS_MAX
    sweep_every_ms: int = SWEEP_EVERY_MS
    beat_ms: int = BEAT_MS
    prove_every_ms: int = PROVE_EVERY_MS
    flush_interval_ms: float = FLUSH_INTERVAL_MS
    write_high_bytes: int = WRITE_HIGH_BYTES
    write_low_bytes: int = WRITE_LOW_BYTES

    def told(self, *, commands: bool = False) -> dict[str, int]:
        """What a client has to know; `commands` says whether this connection takes any."""
        return {
            "topics_max": self.topics_max,
            "message_bytes_max": self.message_bytes_max,
            "messages_per_s_max": self.messages_per_s_max,
            "silence_ms_max": self.silence_ms_max,
            "commands_max": self.commands_max if commands else 0,
            "command_bytes_max": self.command_bytes_max,
        }
