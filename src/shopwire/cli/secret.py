"""`shopwire secret`: what a supplier, a carrier or a provider signs its webhooks with."""

import json
import re
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from shopwire.kernel.errors import InvalidField
from shopwire.kernel.validation import check_name
from shopwire.services.secrets import Secrets
from shopwire.services.settings import load_settings

_SOURCE: Final = re.compile(r"(supplier|carrier|payments):.+")


def secret(
    source: Annotated[str, Parameter(help="supplier:<id>, carrier:<name> or payments:<name>.")],
    *,
    data: Annotated[Path | None, Parameter(help="Folder of the shop.")] = None,
    config: Annotated[Path | None, Parameter(help="TOML file with the settings.")] = None,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Shows the secret that a sender signs with, as Standard Webhooks wants it.

    It is made from the installation's secret: give it to that sender alone.
    """
    check_name(source, "source")
    if not _SOURCE.fullmatch(source):
        reason = "it is none of supplier:<id>, carrier:<name>, payments:<name>"
        raise InvalidField(
            f"{source!r} is no sender: {reason}.", field="source", reason=reason, value=source
        )
    settings = load_settings({"data": data}, file=config).settings
    made = Secrets.at(settings.secret_file or settings.data / "webhooks.secret").of(source)
    print(json.dumps({"source": source, "secret": made}) if json_ else made)
    return 0
