"""The log of the process: structlog on stderr, for people in a terminal and as JSON elsewhere."""

import logging
import os
import sys
from typing import Any, Final

import structlog
from typing_extensions import override

PROCESS_VARIABLE: Final = "SHOPWIRE_PROCESS"
"""The name of a process of several, which each of its lines bears."""
_QUIET: Final = (
    "uvicorn.access", "asyncio", "httpx", "httpx2", "httpcore2", "asyncssh", "litestar",
)  # fmt: skip
"""Loggers of libraries that say too much at level INFO, such as addresses with a secret in them."""


def configure_logs(*, debug: bool = False, as_json: bool | None = None) -> None:
    """Sends structlog and the standard library's loggers to stderr, in one form.

    `as_json` None decides by whether stderr is a terminal.
    """
    level = logging.DEBUG if debug else logging.INFO
    machine = not sys.stderr.isatty() if as_json is None else as_json
    tail: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if machine
        else [structlog.dev.ConsoleRenderer(colors=True, pad_event_to=24, sort_keys=False)]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso" if machine else "%H:%M:%S", utc=machine),
            *tail,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    if name := os.environ.get(PROCESS_VARIABLE):
        structlog.contextvars.bind_contextvars(process=name)
    logging.basicConfig(handlers=[_ToStructlog()], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    # The pool tells of each failed try with its trace; `database.down` says it once.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)


class _ToStructlog(logging.Handler):
    """Hands messages of standard loggers on, so that the log has one form."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger()
        log.log(
            record.levelno,
            "library",
            logger=record.name,
            text=record.getMessage(),
            exc_info=record.exc_info,
        )
