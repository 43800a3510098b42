"""The door of the write path: what HTTP and WebSocket do with a command, and HTTP's endpoint."""

from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath, HeaderParameter

from shopwire.kernel.commands import Command, Envelope, Handler, Outcome, check_key
from shopwire.kernel.errors import (
    InvalidField,
    KeyMissing,
    MalformedRequest,
    UnknownOperation,
)
from shopwire.kernel.identity import LOCAL, Caller
from shopwire.kernel.limits import COMMAND_BYTES_MAX
from shopwire.kernel.write_path import WritePath
from shopwire.services.answers import answer, headers_of
from shopwire.services.command_rights import check_command
from shopwire.services.express import Asked, QuickDoor, Told
from shopwire.services.pacing import Pacing
from shopwire.sync.rights import NoStanding, Standing

COMMANDS: Final = "/api/commands/{operation}"
"""Where commands are sent."""
PRINCIPAL: Final = LOCAL.principal
"""Who sends commands from this machine, without any credentials."""


class CommandDecoder:
    """Reads a command's body by the operation's name; what is internal has none here."""

    def __init__(self, handlers: Iterable[Handler[Any]]) -> None:
        self._decoders: dict[str, msgspec.json.Decoder[Command]] = {
            handler.command.operation: msgspec.json.Decoder(handler.command)
            for handler in handlers
            if not handler.command.internal
        }

    @property
    def operations(self) -> list[str]:
        """The commands there are."""
        return sorted(self._decoders)

    def decode(self, operation: str, body: bytes) -> Command:
        """Raises UnknownOperation, MalformedRequest, InvalidField."""
        decoder = self._decoders.get(operation)
        if decoder is None:
            raise UnknownOperation(operation=operation)
        try:
            command = decoder.decode(body)
        except msgspec.ValidationError as problem:
            reason, _, field = str(problem).partition(" - at `$")
            raise InvalidField(field=field.strip("`.") or "body", reason=reason) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise MalformedRequest(field="body", reason=str(problem)) from None
        if b"\\u0000" in body and _has_nul(msgspec.to_builtins(command)):
            raise MalformedRequest(field="body", reason="a text contains the character U+0000")
        return command


class CommandDoor:
    """What every channel does with a command as it came: read it, see who asks, submit it."""

    def __init__(
        self,
        write_path: WritePath,
        standing: Standing | None = None,
        pacing: Pacing | None = None,
    ) -> None:
        """Args: imports that know the same `pacing` stand back while somebody waits."""
        self._write_path = write_path
        self._pacing = pacing or Pacing()
        self._standing = standing or NoStanding()
        self._decoder = CommandDecoder(write_path.handlers.values())

    async def take(self, caller: Caller, operation: str, key: str | None, body: bytes) -> Outcome:
        """The outcome; raises KeyMissing, KeyMalformed, Forbidden, what `decode`, `submit` raise.

        A refusal for the caller's rights is not stored: the key is free for who may.
        """
        if key is None:
            raise KeyMissing
        check_key(key)
        command = self._decoder.decode(operation, body)
        check_command(caller, command, self._standing)
        envelope = Envelope(command=command, key=key, principal=caller.principal)
        with self._pacing.shopper():
            return await self._write_path.submit(envelope)


def quick_commands(door: CommandDoor) -> QuickDoor:
    """`POST /api/commands/{operation}` without the framework."""

    async def take(asked: Asked) -> Told:
        key = asked.headers.get("idempotency-key")
        outcome = await door.take(asked.caller, asked.name, key, asked.body)
        return Told(outcome.body, outcome.status, headers_of(outcome))

    return QuickDoor(template=COMMANDS, bytes_max=COMMAND_BYTES_MAX, take=take)


def command_routes(door: CommandDoor) -> list[Any]:
    """The endpoint `POST /api/commands/{operation}`."""

    @post(
        COMMANDS.replace("}", ":str}"),
        status_code=200,
        request_max_body_size=COMMAND_BYTES_MAX,
        summary="Send a command",
        description="The body is the command's fields as JSON. The same Idempotency-Key with the "
        "same body is answered with the first answer, marked `Idempotency-Replayed: true`.",
    )
    async def take_command(
        request: Request[Any, Any, Any],
        operation: FromPath[str],
        idempotency_key: Annotated[str | None, HeaderParameter(name="Idempotency-Key")] = None,
    ) -> Response[bytes]:
        caller: Caller = request.state.caller
        return answer(await door.take(caller, operation, idempotency_key, await request.body()))

    return [take_command]


def _has_nul(value: Any) -> bool:
    """Whether any text has a character that PostgreSQL cannot keep."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(k) or _has_nul(v) for k, v in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
