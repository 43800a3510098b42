"""The `shopwire` command: what there is, and how errors are told."""

import difflib
import sys
from collections.abc import Sequence
from typing import Final

import msgspec
from cyclopts import App, CycloptsError

from shopwire import __version__
from shopwire.kernel.errors import SetupProblem, ShopwireError, StorageUnavailable
from shopwire.services.garbage import look_seldom

FAILED: Final = 1
"""It did not work; the message says why and what to do."""
USAGE: Final = 2
"""The command line could not be understood."""
PARTLY: Final = 3
"""Some of it was done, some refused: an import with quarantined rows, a doctor with warnings."""
HELD: Final = 4
"""A feed waits for a person: it would do too much at once."""
INTERRUPTED: Final = 130
"""Ctrl-C."""

_COMMANDS: Final = (
    ("demo", "shopwire.cli.serve:demo", "A shop to look at, with suppliers and shoppers at work."),
    ("up", "shopwire.cli.serve:up", "A shop of your own: database, services and pages, one port."),
    ("hub", "shopwire.cli.hub:hub", "One more process that serves screens, on any machine."),
    ("import", "shopwire.cli.import_:import_feed", "Take a supplier's feed in."),
    (
        "feed",
        "shopwire.cli.feed:app",
        "Look at feeds before they are taken in; decide after.",
    ),
    ("source", "shopwire.cli.source:app", "Where suppliers' feeds come from, and when."),
    ("price", "shopwire.cli.price:app", "What price rules would do, why a price is, an undo."),
    ("send", "shopwire.cli.send:send", "Send one command, such as other price rules."),
    ("secret", "shopwire.cli.secret:secret", "What a supplier or carrier signs its webhooks with."),
    ("user", "shopwire.cli.access:user", "Operators who may log in."),
    ("channel", "shopwire.cli.channel:app", "How purchase orders reach suppliers; what left."),
    ("token", "shopwire.cli.access:token", "Tokens for suppliers and programs."),
    ("route", "shopwire.cli.route:app", "Which supplier sends what, why, and how they keep word."),
    ("log", "shopwire.cli.log:app", "Look at the log, verify it, rebuild what is derived from it."),
    ("doctor", "shopwire.cli.doctor:doctor", "What is missing or misconfigured; how to mend it."),
    ("bench", "shopwire.cli.bench:app", "Measure this machine, beside baselines of the same run."),
    ("version", "shopwire.cli.serve:version", "What is installed."),
)

_NAMES: Final = [name for name, _, _ in _COMMANDS]


def build_app() -> App:
    """The command line; a command's module is imported when the command is used."""
    app = App(
        name="shopwire",
        help="Keeps every open shop window in step with the truth.",
        help_epilogue="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done in part, 4 held,"
        " 130 Ctrl-C."
        " Add --debug to see where an error comes from.",
        version=__version__,
        version_flags=["--version"],
    )
    for name, path, text in _COMMANDS:
        app.command(path, name=name, help=text)
    return app


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns the exit code."""
    debug = "--debug" in arguments
    words = [word for word in arguments if word != "--debug"]
    if words and words[0] not in _NAMES and not words[0].startswith("-"):
        near = difflib.get_close_matches(words[0], _NAMES, n=1)
        hint = f"Did you mean `shopwire {near[0]}`?" if near else "See `shopwire --help`."
        print(f"shopwire: there is no command {words[0]!r}. {hint}", file=sys.stderr)
        return USAGE
    try:
        result = build_app()(
            words, exit_on_error=False, print_error=True, result_action="return_value"
        )
    except CycloptsError:
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has seen enough
        return 0
    except ShopwireError as problem:
        if debug:
            raise
        _tell(problem, as_json="--json" in words)
        return FAILED
    return result if isinstance(result, int) else 0


def _tell(problem: ShopwireError, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode({"error": problem.body()}).decode() + "\n")
    more = problem.data.get("reason") if isinstance(problem, SetupProblem) else None
    if isinstance(problem, StorageUnavailable):
        more = "If it stays, see `shopwire doctor --data DIR` and the server's log."
    print(f"shopwire: {problem.detail}", file=sys.stderr)
    for line in (more, problem.remedy):
        if line and line not in problem.detail:
            print(f"  {line}", file=sys.stderr)


def main() -> None:
    """Entry point."""
    look_seldom()
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
