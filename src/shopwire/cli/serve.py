"""`shopwire up`, `shopwire demo`, `shopwire version`."""

import json
import platform
import sys
import webbrowser
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter

from shopwire import __version__
from shopwire.services.container import Container, ServeOptions
from shopwire.services.demo.catalogue import catalogue
from shopwire.services.demo.demo import PACES, Simulation
from shopwire.services.demo.feeding import Feeding
from shopwire.services.demo.shelves import Shelves
from shopwire.services.demo.shoppers import Doors
from shopwire.services.demo.world import demo_world
from shopwire.services.logs import configure_logs
from shopwire.services.outside import PaymentName, SupplierWay
from shopwire.services.run import run
from shopwire.services.settings import Settings, load_settings
from shopwire.services.supervisor import supervise, tell_parent

Config = Annotated[
    Path | None,
    Parameter(help="TOML file with the same settings; else SHOPWIRE_CONFIG names one."),
]
Data = Annotated[
    Path | None, Parameter(help="Folder of the database and its log. [default: .shopwire/data]")
]
DemoData = Annotated[Path, Parameter(help="Folder of the demo's database.")]
Database = Annotated[
    str | None,
    Parameter(
        name=["--database", "--url"], help="Address of a PostgreSQL of yours instead of our own."
    ),
]
Host = Annotated[str | None, Parameter(help="Address to listen on. [default: 127.0.0.1]")]
Port = Annotated[int, Parameter(help="Port of everything; 0 takes a free one.")]

WebSocketWay = Annotated[
    Literal["picows", "asgi"] | None, Parameter(help="Path of /sync. [default: picows]")
]
Brokers = Annotated[
    tuple[str, ...],
    Parameter(negative="", help="A broker that feeds hubs: nats://HOST:PORT; each of a cluster."),
]
AllowHost = Annotated[
    tuple[str, ...],
    Parameter(negative="", help="Another name to answer to, such as the proxy's before it."),
]
AllowAddress = Annotated[
    tuple[str, ...],
    Parameter(negative="", help="An internal address that feeds and orders may go to: 10.1.0.0/16"),
]
SourceFolder = Annotated[
    tuple[str, ...],
    Parameter(negative="", help="A folder that may be watched for feeds, besides DATA/inbox."),
]
AllowOrigin = Annotated[
    tuple[str, ...],
    Parameter(negative="", help="Another page's origin that may use API and sync."),
]


def up(
    *,
    data: Data = None,
    port: Annotated[
        int | None, Parameter(help="Port of everything; 0 takes a free one. [default: 8000]")
    ] = None,
    host: Host = None,
    database: Database = None,
    websocket: WebSocketWay = None,
    allow_host: AllowHost = (),
    allow_origin: AllowOrigin = (),
    access: Annotated[
        Literal["open", "login"] | None,
        Parameter(
            help="open: whoever can connect runs the shop; login: operators log in. [default: open "
            "where only this machine can connect, else login]"
        ),
    ] = None,
    hubs: Annotated[
        int | None,
        Parameter(help="Serve screens from so many further processes, fed by a broker of ours."),
    ] = None,
    allow_address: AllowAddress = (),
    source_folder: SourceFolder = (),
    bus: Brokers = (),
    payments: Annotated[
        PaymentName | None,
        Parameter(help="Who takes the money; stripe wants stripe_key_file. [default: simulator]"),
    ] = None,
    suppliers: Annotated[
        SupplierWay | None,
        Parameter(help="How purchase orders reach suppliers. [default: fetch]"),
    ] = None,
    config: Config = None,
    verbose: Annotated[bool, Parameter(negative="", help="Log each request.")] = False,
) -> int:
    """Starts the database, the services and the pages on one port, until Ctrl-C.

    Each option may come from SHOPWIRE_* in the environment or from a file as well; the command line
    goes first, then the environment, then the file.
    """
    configure_logs(debug=verbose)
    given = {
        "data": data,
        "port": port,
        "host": host,
        "database_url": database,
        "websocket": websocket,
        "allow_hosts": allow_host,
        "allow_origins": allow_origin,
        "access": access,
        "hubs": hubs,
        "allow_addresses": allow_address,
        "source_folders": source_folder,
        "bus": bus,
        "payments": payments,
        "suppliers": suppliers,
    }
    settings = load_settings(given, file=config).settings
    if settings.hubs:
        supervise(settings, on_ready=partial(_tell_all, _options(settings)))
        return 0
    options = _options(settings)

    def ready(url: str) -> None:
        if not tell_parent(url):
            _tell_where(options, url)

    run(options, on_ready=ready)
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
    shelves = Shelves(catalogue())
    options = ServeOptions(data=data, port=port, suppliers="simulator", world=demo_world(shelves))

    async def simulate(container: Container) -> None:
        doors = Doors(
            submit=container.write_path.submit,
            checkout=container.checkout.take,
            reads=container.store.reads,
        )
        feeding = Feeding(container.importer, container.sourcing, container.write_path.submit)
        simulation = Simulation(doors, feeding.send, PACES[pace], shelves)
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


def _options(settings: Settings) -> ServeOptions:
    """What one process serves, of settings that may be of several."""
    values = msgspec.structs.asdict(settings)
    return ServeOptions(**{name: values[name] for name in values.keys() - {"hubs", "address"}})


def _tell_all(options: ServeOptions, url: str, hubs: list[str]) -> None:
    _tell_where(options, url)
    for hub in hubs:
        print(f"  Hub         {hub}/sync")
    print(flush=True)


def _tell_where(options: ServeOptions, url: str) -> None:
    if options.is_open and not options.is_local:
        print(
            f"shopwire: whoever reaches {options.host} runs this shop. Without --access open"
            " operators log in: shopwire user add NAME.",
            file=sys.stderr,
        )
    print(
        f"\n  Storefront  {url}/\n  Console     {url}/console\n  API         {url}/api/schema\n\n"
        "  Ctrl-C stops everything.\n",
        flush=True,
    )
