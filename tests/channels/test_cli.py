"""`shopwire channel` and what the doctor says of suppliers."""

import pytest
from tests.channels.partner import WAY
from tests.modules.shop import postgres_shop
from tests.shipping.desk import plan_of

from shopwire.adapters.postgres.inspect import look_at
from shopwire.cli.main import run
from shopwire.modules.channels.api import (
    BeginBundle,
    LetterLine,
    PostLetter,
    PutChannel,
    RecordBundle,
    WebhookWay,
)
from shopwire.services.channel_probe import probe
from shopwire.services.channel_work import Reach

POST = PostLetter(
    supplier="zenith", purchase_order="cart-1.1/zenith", lines=(LetterLine(sku="A", quantity=1),)
)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("acme", "pigeon"), "one of"),
        (("acme", "webhook", "adress=x"), "it has url"),
        (("acme", "webhook"), "url"),
        (("acme", "x12", "place=folder:a", "sender=S", "receiver=A", "poll_ms=soon"), "poll_ms"),
    ],
)
def test_a_way_that_cannot_be_understood_is_explained(capsys, tmp_path, words, said):
    assert run(["channel", "put", *words, "--data", str(tmp_path)]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.anyio
async def test_a_folder_is_tried_and_an_internal_address_is_not(tmp_path):
    reach = Reach(tmp_path, ())
    (tmp_path / "exchange/acme/in").mkdir(parents=True)
    (tmp_path / "exchange/acme/in/a.edi").write_bytes(b"")
    assert await probe(reach, "acme", WAY) == (
        True,
        "the folder can be written; 1 files wait in in",
    )
    reached, seen = await probe(reach, "acme", WebhookWay(url="http://127.0.0.1:9/"))
    assert (reached, seen) == (False, "it is an internal address")


@pytest.mark.anyio
@pytest.mark.postgres
async def test_the_doctor_knows_who_is_not_reached(database_url):
    async with postgres_shop(database_url) as shop:
        await shop.do(plan_of({"acme": {"A": 1}}))
        way = WebhookWay(url="https://zenith.example/")
        await shop.do(PutChannel(supplier="zenith", way=way))
        await shop.do(POST)
        letters = (POST.purchase_order,)
        await shop.do(BeginBundle(supplier="zenith", letters=letters))
        await shop.do(
            RecordBundle(
                supplier="zenith", bundle="zenith/1", letters=letters, outcome="doubtful",
                reason="lost",
            )
        )  # fmt: skip
        facts = await look_at(database_url)
        assert (facts.unreached, facts.troubled) == (("acme",), ("zenith",))
