"""A topic's name is refused where it could not be sent back as it came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.kernel.errors import TopicRefused
from shopwire.kernel.identity import ANONYMOUS
from shopwire.sync.crowd import site_of
from shopwire.sync.rights import Rights


class Nobody:
    def authenticate(self, token):
        raise AssertionError(token)


RIGHTS = Rights(Nobody())
BAD = [*map(chr, range(0x20)), "\x7f", "\ud800", "\udbff", "\udc00", "\udfff"]


@pytest.mark.parametrize("char", BAD, ids=lambda char: hex(ord(char)))
@pytest.mark.parametrize("place", ["{}A", "A{}", "A{}B"])
def test_control_characters_and_half_characters_are_malformed(char: str, place: str):
    with pytest.raises(TopicRefused) as refused:
        RIGHTS.check(ANONYMOUS, "stock:" + place.format(char))
    assert refused.value.data["reason"] == "malformed"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60))
def test_whatever_can_be_printed_may_be_a_name(entity: str):
    assert RIGHTS.check(ANONYMOUS, f"stock:{entity}") is not None


def test_an_address_is_the_same_site_however_often_it_is_asked():
    for _ in range(2):
        assert site_of("203.0.113.7") == "203.0.113.7"
        assert site_of("127.0.0.1") == site_of("nobody") == ""
        assert site_of("2001:db8:1:2:3::4") == site_of("2001:db8:1:2::9") == "2001:db8:1:2::/64"
