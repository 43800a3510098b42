"""`shopwire up`, `shopwire demo`, `shopwire version`."""

import json
import platform
import sys
import webbrowser
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from shopwire import __version__
from shopwire.services.container import Container, ServeOptions
from shopwire.services.demo.demo import PACES, Simulation
from shopwire.services.demo.feeding import Feeding
from shopwire.services.logs import configure_logs
from shopwire.services.run import run

Data = Annotated[
    Path, Parameter(env_var="SHOPWIRE_DATA", help="Folder of the database and its log.")
]
DemoData = Annotated[Path, Parameter(help="Folder of the demo's database.")]
Database = Annotated[
    str | None,
    Parameter(
        name=["--database", "--url"],
        env_var="SHOPWIRE_DATABASE_URL",
        help="Address of a PostgreSQL of yours instead of our own.",
    ),
]
Port = Annotated[int, Parameter(help="Port of everything; 0 takes a free one.")]
Host = Annotated[str, Parameter(help="Address to listen on; there is no authentication yet.")]

AllowHost = Annotated[
    tuple[str, ...],
    Parameter(negative="", help="Another name to answer to, such as the proxy's before it."),
]
AllowOrigin = Annotated[
    tuple[str, ...],
    Parameter(negative="", help="Another page's origin that may use API and sync."),
]


def up(
    *,
    data: Data = Path(".shopwire/data"),
    port: Port = 8000,
    host: Host = "127.0.0.1",
    database: Database = None,
    websocket: Annotated[Literal["picows", "asgi"], Parameter(help="Path of /sync.")] = "picows",
    allow_host: AllowHost = (),
    allow_origin: AllowOrigin = (),
    verbose: Annotated[bool, Parameter(negative="", help="Log each request.")] = False,
) -> int:
    """Starts the database, the services and the pages on one port, until Ctrl-C."""
    configure_logs(debug=verbose)
    options = ServeOptions(
        data=data,
        host=host,
        port=port,
        database_url=database,
        websocket=websocket,
        allow_hosts=allow_host,
        allow_origins=allow_origin,
    )
    run(options, on_ready=partial(_tell_where, options))
    return 0


def demo(
    *,
    data: DemoData = Path(".shopwire/demo"),
    port: Port = 8000,
    pace: Annotated[
        Literal["slow", "normal", "busy"], Parameter(help="How much happens.")
    ] = "normal",
    open_: Annotated[
        bool, Parameter(name="--open", negative="", help="Open the storefront in a browser.")
    ] = False,
    verbose: Annotated[bool, Parameter(negative="", help="Log each request.")] = False,
) -> int:
    """A shop with a made-up catalogue, and suppliers and shoppers at work in it, until Ctrl-C.

    The first start imports the catalogue; later ones go on where the shop was.
    """
    configure_logs(debug=verbose)
    options = ServeOptions(data=data, port=port)

    async def simulate(container: Container) -> None:
        feeding = Feeding(container.importer)
        simulation = Simulation(
            container.store.reads, container.write_path.submit, feeding.send, PACES[pace]
        )
        await simulation.run()

    def ready(url: str) -> None:
        _tell_where(options, url)
        if open_:
            webbrowser.open(url)

    run(options, companion=simulate, on_ready=ready)
    return 0


def version(*, json_: Annotated[bool, Parameter(name="--json")] = False) -> int:
    """What is installed: Shopwire, Python, platform."""
    facts = {
        "shopwire": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
    }
    print(json.dumps(facts) if json_ else "\n".join(f"{k} {v}" for k, v in facts.items()))
    return 0


def _tell_where(options: ServeOptions, url: str) -> None:
    if not options.is_local:
        print(
            f"shopwire: whoever reaches {options.host} can change this shop: there is no login yet."
            " The console's live figures are shown on loopback only.",
            file=sys.stderr,
        )
    print(
        f"\n  Storefront  {url}/\n  Console     {url}/console\n  API         {url}/api/schema\n\n"
        "  Ctrl-C stops everything.\n",
        flush=True,
    )
