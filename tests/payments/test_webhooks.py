"""How a webhook proves itself: the standard's own example, and every way to get past it."""

import base64
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shopwire.kernel.errors import SetupProblem
from shopwire.kernel.trade_errors import SignatureInvalid
from shopwire.kernel.webhooks import (
    ID_HEADER,
    SIGNATURE_HEADER,
    SIGNATURES_MAX,
    TIMESTAMP_HEADER,
    TOLERANCE_MS_MAX,
    new_secret,
    secret_bytes,
    sign,
    verify,
)

NOW_MS = 1_614_265_330_000
OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = new_secret(b"n" * 32)
BODY = b'{"test": 2432232314}'


def signed(**changed: str) -> dict[str, str]:
    headers = sign([OLD], "msg_p5jXN8AQM9LWM0D4loKWxJek", BODY, now_ms=NOW_MS)
    return headers | {name.replace("_", "-"): value for name, value in changed.items()}


def reason_of(headers: dict[str, str], body: bytes = BODY, *, now_ms: int = NOW_MS) -> str:
    with pytest.raises(SignatureInvalid) as refusal:
        verify([OLD], headers, body, now_ms=now_ms)
    return str(refusal.value.data["reason"])


def test_the_standards_own_example():
    headers = signed()
    assert headers == {
        ID_HEADER: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        TIMESTAMP_HEADER: "1614265330",
        SIGNATURE_HEADER: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    assert verify([OLD], headers, BODY, now_ms=NOW_MS) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_a_body_that_was_parsed_and_written_again_is_another_body():
    again = json.dumps(json.loads(BODY), separators=(",", ":")).encode()
    assert json.loads(again) == json.loads(BODY)
    assert reason_of(signed(), again) == "no signature matches"


@pytest.mark.parametrize("off_ms", [TOLERANCE_MS_MAX, -TOLERANCE_MS_MAX, 0])
def test_within_five_minutes_it_is_taken(off_ms):
    assert verify([OLD], signed(), BODY, now_ms=NOW_MS + off_ms)


@pytest.mark.parametrize(
    ("off_ms", "reason"),
    [
        (TOLERANCE_MS_MAX + 1_000, "it is too old"),
        (6 * 60_000, "it is too old"),
        (-6 * 60_000, "it comes from the future"),
    ],
)
def test_six_minutes_off_it_is_refused(off_ms, reason):
    assert reason_of(signed(), now_ms=NOW_MS + off_ms) == reason


def test_another_time_has_another_signature():
    assert reason_of(signed(webhook_timestamp="1614265331")) == "no signature matches"


def test_while_secrets_rotate_either_is_right_and_then_only_the_new_one():
    both = sign([OLD, NEW], "m1", BODY, now_ms=NOW_MS)
    assert both[SIGNATURE_HEADER].count("v1,") == 2
    assert verify([NEW], both, BODY, now_ms=NOW_MS) == "m1"
    assert verify([NEW, OLD], signed(), BODY, now_ms=NOW_MS)
    with pytest.raises(SignatureInvalid):
        verify([NEW], signed(), BODY, now_ms=NOW_MS)


def test_a_right_signature_among_foreign_ones_is_found():
    right = signed()[SIGNATURE_HEADER]
    many = f"v1a,abc v2,def v1,AAAA {right}"
    assert verify([OLD], signed(webhook_signature=many), BODY, now_ms=NOW_MS)


def test_a_signature_of_another_version_proves_nothing():
    right = signed()[SIGNATURE_HEADER].removeprefix("v1,")
    assert reason_of(signed(webhook_signature=f"v1a,{right}")) == "no signature matches"


@pytest.mark.parametrize("webhook_id", ["m.1614265330", "m 1", "é", "x" * 201, "m\n1", "a/b"])
def test_an_id_that_could_pass_for_more_than_an_id_is_refused(webhook_id):
    assert reason_of(signed(webhook_id=webhook_id)) == "the id is malformed"
    with pytest.raises(ValueError, match="no id"):
        sign([OLD], webhook_id, BODY, now_ms=NOW_MS)


def test_moving_the_point_between_id_and_time_makes_no_other_message():
    """`a` + `.1614265330.` and `a.1614265330` + `.`: what is signed would be the same bytes."""
    assert reason_of(signed(webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330")) == (
        "the id is malformed"
    )


@pytest.mark.parametrize("stamp", ["", "-1", "1e9", "1614265330.0", " 1", "\uff19", "1" * 13])
def test_a_malformed_time_is_refused(stamp):
    reason = reason_of(signed(webhook_timestamp=stamp))
    assert reason == ("the timestamp is malformed" if stamp else "a header is missing")


@pytest.mark.parametrize("name", [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER])
def test_without_one_of_the_headers_it_is_refused(name):
    headers = signed()
    del headers[name]
    assert reason_of(headers) == "a header is missing"


def test_too_many_signatures_are_not_even_compared():
    many = " ".join(["v1,AAAA"] * SIGNATURES_MAX + [signed()[SIGNATURE_HEADER]])
    assert reason_of(signed(webhook_signature=many)) == "too many signatures"


def test_a_forgery_learns_nothing_about_the_clock():
    assert reason_of(signed(webhook_signature="v1,AAAA"), now_ms=0) == "no signature matches"


def test_no_refusal_tells_a_secret_or_a_right_signature():
    right = signed()[SIGNATURE_HEADER]
    with pytest.raises(SignatureInvalid) as refusal:
        verify([OLD], signed(webhook_signature="v1,é\udcff"), BODY, now_ms=NOW_MS)
    told = repr(refusal.value.body())
    assert OLD not in told
    assert right not in told


@pytest.mark.parametrize(
    "secret",
    [
        "", "whsec_", "whsec_!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_" + base64.b64encode(b"x" * 23).decode(),
        "whsec_" + base64.b64encode(b"x" * 65).decode(),
    ],
)  # fmt: skip
def test_a_secret_that_is_none_is_refused_without_being_told(secret):
    with pytest.raises(SetupProblem) as refusal:
        secret_bytes(secret)
    assert not secret or secret == "whsec_" or secret not in repr(refusal.value.body())


def test_every_pair_is_compared_in_constant_time_also_after_the_right_one(monkeypatch):
    compared = []

    def counting(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return compare_digest(one, other)

    compare_digest = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", counting)
    several = signed()[SIGNATURE_HEADER] + " v1,AAAA v1,BBBB"
    verify([OLD, NEW], signed(webhook_signature=several), BODY, now_ms=NOW_MS)
    assert len(compared) == 6


@given(body=st.binary(min_size=1, max_size=200), data=st.data())
def test_one_changed_bit_anywhere_is_found(body, data):
    headers = sign([OLD], "m1", body, now_ms=NOW_MS)
    at = data.draw(st.integers(min_value=0, max_value=len(body) * 8 - 1))
    changed = bytearray(body)
    changed[at // 8] ^= 1 << at % 8
    assert reason_of(headers, bytes(changed)) == "no signature matches"
