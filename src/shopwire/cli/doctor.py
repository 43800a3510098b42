"""`shopwire doctor`: what is missing or misconfigured, and how to mend it."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from shopwire.services.doctor import Patient, examine
from shopwire.services.findings import Finding
from shopwire.services.settings import load_settings

_STYLES: Final = {"ok": "green", "note": "dim", "warn": "yellow", "fail": "bold red"}
_EXIT_FAIL: Final = 1
_EXIT_WARN: Final = 3


def doctor(
    *,
    data: Path | None = None,
    port: int | None = None,
    host: str | None = None,
    database: Annotated[str | None, Parameter(name=["--database", "--url"])] = None,
    config: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Looks at everything that a start needs; changes nothing.

    Ends with 0 where all is well, 1 where something keeps a shop from starting, 3 for warnings.

    Args:
        data: Folder of the shop to look at. [default: .shopwire/data]
        port: Port that the shop would listen on. [default: 8000]
        host: Address that the shop would listen on. [default: 127.0.0.1]
        database: Address of a PostgreSQL of yours instead of our own.
        config: TOML file with these settings; else SHOPWIRE_CONFIG names one.
        json: Print one JSON object.
    """
    given = {"data": data, "port": port, "host": host, "database_url": database}
    loaded = load_settings(given, file=config)
    settings = loaded.settings
    patient = Patient(
        data=settings.data,
        host=settings.host,
        port=settings.port,
        database_url=settings.database_url,
        settings=loaded.shown(),
        more=settings,
    )
    findings = asyncio.run(examine(patient))
    verdicts = {finding.verdict for finding in findings}
    worst = "fail" if "fail" in verdicts else "warn" if "warn" in verdicts else "ok"
    if json:
        told = {"verdict": worst, "findings": findings}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        _show(findings)
    return {"fail": _EXIT_FAIL, "warn": _EXIT_WARN}.get(worst, 0)


def _show(findings: list[Finding]) -> None:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        style = _STYLES[finding.verdict]
        table.add_row(f"[{style}]{finding.verdict}[/]", finding.name, escape(finding.seen))
        if finding.remedy:
            table.add_row("", "", f"[{style}]→ {escape(finding.remedy)}[/]")
    Console(highlight=False).print(table)
