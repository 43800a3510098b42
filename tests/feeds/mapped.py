"""Rows of every format and every transform, and what they map to: a golden file beside a version.

A row that maps to something else than before needs another MAPPING_VERSION, or marks that were made
before would call rows unchanged that are not. `python -m tests.feeds.mapped` writes the golden
file anew, under a new version only.
"""

import io
from pathlib import Path
from typing import Any, Final

import msgspec

from shopwire.modules.feeds.opening import open_feed
from shopwire.modules.feeds.profile import Profile, parse_profile, profile_named
from shopwire.modules.feeds.telling import MAPPING_VERSION
from shopwire.services.feed_formats import FORMATS

GOLDEN: Final = Path(__file__).parents[1] / "vectors" / "mapped.json"

SHAPED: Final = """
gtin = "lenient"
weight_unit = "kg"
length_unit = "cm"
group_by = "name"
skip_when = [{ column = "kind", one_of = ["service"] }]
only_when = [{ column = "kind", blank = false }]
refuse_when = [{ column = "kind", match = "^se[ct]+ret$" }]
options = [{ name = "Size", value_column = "size" }, { name_column = "o", value_column = "v" }]

[fields]
id = { columns = ["name"], change = ["slug"] }
title = { columns = ["maker", "name"], glue = " ", change = ["trim"] }
description = { columns = ["text"], change = ["text"] }
brand = { columns = ["maker"], change = ["upper"], default = "No name" }
category = { columns = ["group"], split = "/", join = " > " }
tags = { columns = ["facts"], split = "|", prefix = "tag:" }
sku = { columns = ["sku"], required = true }
variant = { columns = ["name"], split = "-", only = -1 }
gtin = { columns = ["ean"], change = ["digits"] }
mpn = { columns = ["text"], match = 'No[.] ([0-9a-z]+)', replace = { "x" = "y" } }
quantity = { columns = ["stock"], values = { yes = "10", no = "0" } }
cost = { columns = ["cost", "list"], blank = ["-"], change = ["strip_currency"] }
msrp = { columns = ["list"] }
lead_time_days = { columns = ["days"], instead = { columns = ["kind"], values = { a = "3" } } }
order_min = { columns = ["min"] }
weight = { columns = ["weight"] }
width = { columns = ["width"] }
"""
SHAPED_ROWS: Final = """\
sku,name,maker,text,group,facts,ean,stock,cost,list,days,min,weight,width,kind,size,o,v
A-1,Mug - red,Royal,<b>No. 5x</b> &amp; more,Kitchen/Mugs,tag:x|y|tag:z,4006381333931,yes,\
2.50,4,,,0.3,8,a,S,Glaze,matt
A-2,Mug - red,Royal,,,,4006381333932,no,-,3.10 EUR,4,2,300 g,80 mm,a,L,Glaze,shiny
B-1,Jug,,plain,Kitchen,,,7,1 234.50,,2,,,,b,,,
C-1,Repair,,,,,,1,1,,,,,,service,,,
D-1,Hidden,,,,,,1,1,,,,,,sectret,,,
E-1,Pot,,,,,,1.5,1,,1,,,,b,,,
,Pan,,,,,,1,1,,,,,,b,,,
A-1,Mug,,,,,,1,1,,1,,,,b,,,
"""
GENERIC: Final = """\
id;title;sku;stock;cost;currency;gtin;option1_name;option1_value;tags;category
mug;Mug;M-S;5;2,50;EUR;4006381333931;Size;S;a, b;Kitchen > Mugs|Gifts
mug;Mug;M-L;6;1.003,00;EUR;036000291452;Size;L;;
jug;Jug;J;-1;2,50;EUR;;;;;
"""
SHOPIFY: Final = """\
Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,\
Variant Inventory Qty,Variant Price,Variant Barcode,Image Src,Status,Cost per item
shirt,Shirt,<p>Soft &lt;3</p>,Acme,Shirts,"new, cotton",TRUE,Colour,Red,S-R,4,19.90,,/a.jpg,active,8
shirt,,,,,,,,Blue,S-B,0,19.90,4006381333931,/b.jpg,,8.5
cap,Cap,,Acme,,,FALSE,Title,Default Title,C,1,9,,,draft,
"""
GOOGLE: Final = """\
id\ttitle\tdescription\tlink\timage_link\tavailability\tquantity\tprice\tbrand\tgtin\
\titem_group_id\tcolor
S-R\tShirt\tSoft\t/p/s\t/a.jpg\tin_stock\t4\t19.90 USD\tAcme\t4006381333931\tshirt\tRed
S-B\tShirt\tSoft\t/p/s\t/b.jpg\tout_of_stock\t\t19.90 USD\tAcme\t\tshirt\tBlue
"""
GOOGLE_XML: Final = """\
<rss xmlns:g="http://base.google.com/ns/1.0"><channel>
<item><g:id>M</g:id><title>Mug</title><g:price>4.90 EUR</g:price><g:quantity>3</g:quantity>\
<g:availability>in stock</g:availability><g:gtin>4006381333931</g:gtin></item>
</channel></rss>
"""
WOOCOMMERCE: Final = """\
ID,Type,SKU,Name,Published,In stock?,Stock,Regular price,Categories,Images,Parent,\
Attribute 1 name,Attribute 1 value(s)
1,variable,TEE,Tee,1,1,,,"Clothes > Tees, New",/t.jpg,,Size,"S, L"
2,variation,TEE-S,Tee - S,1,1,5,12.00,,,TEE,Size,S
3,simple,CAP,Cap,0,0,,9,,,,,
"""
AMAZON: Final = """\
{"messages": [{"messageId": 1, "sku": "M", "operationType": "UPDATE", "attributes": {
"item_name": [{"value": "Mug"}], "purchasable_offer": [{"currency": "EUR",
"our_price": [{"schedule": [{"value_with_tax": 4.9}]}]}],
"fulfillment_availability": [{"quantity": 3, "lead_time_to_ship_max_days": 2}]}},
{"messageId": 2, "sku": "J", "operationType": "DELETE"},
{"messageId": 3, "sku": "P", "operationType": "PATCH"}]}
"""
X12: Final = (
    "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *260101*0800*U*00401"
    "*000000001*0*P*>~GS*IB*SENDER*RECEIVER*20260101*0800*1*X*004010~ST*846*0001~"
    "BIA*00*DD*1*20260101~CUR*SE*EUR~LIN*1*VN*M*UP*036000291452~CTP**WHL*2.50~QTY*33*7*EA~"
    "CTT*1~SE*8*0001~GE*1*1~IEA*1*000000001~"
)
CASES: Final[dict[str, tuple[str | Profile, str]]] = {
    "transforms": (parse_profile(SHAPED), SHAPED_ROWS),
    "generic": ("generic", GENERIC),
    "shopify": ("shopify", SHOPIFY),
    "google-merchant": ("google-merchant", GOOGLE),
    "google-merchant-xml": ("google-merchant-xml", GOOGLE_XML),
    "woocommerce": ("woocommerce", WOOCOMMERCE),
    "amazon-listings": ("amazon-listings", AMAZON),
    "x12-846": ("x12-846", X12),
}


def mapped(case: str) -> list[Any]:
    """What the rows of a case become, group by group, in plain values."""
    profile, content = CASES[case]
    feed = open_feed(
        io.BytesIO(content.encode()),
        supplier="ACME",
        currency="EUR",
        profile=profile_named(profile) if isinstance(profile, str) else profile,
        formats=FORMATS,
    )
    found = [
        {
            "key": group.key,
            "product": group.product,
            "offers": group.offers,
            "counts": group.counts,
            "more": group.more,
            "bad": [(bad.line, bad.column, bad.code) for bad in group.bad],
        }
        for group in feed.groups
    ]
    told = sorted(set(feed.notes) - set(feed.profile.notes))
    plain: list[Any] = msgspec.json.decode(msgspec.json.encode([*found, told]))
    return plain


def main() -> None:
    """Writes the golden file; a version has one meaning, so an old one is not given another."""
    if GOLDEN.exists() and msgspec.json.decode(GOLDEN.read_bytes())["version"] == MAPPING_VERSION:
        raise SystemExit("Count MAPPING_VERSION up first (modules/feeds/telling.py).")
    said = {"version": MAPPING_VERSION, "cases": {name: mapped(name) for name in CASES}}
    GOLDEN.write_bytes(msgspec.json.format(msgspec.json.encode(said), indent=1) + b"\n")


if __name__ == "__main__":
    main()
