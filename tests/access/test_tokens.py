"""Tokens: what is taken, and what attackers try."""

import base64
import hmac
import json
import stat

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey, RSAKey

from shopwire.adapters.security.keys import KEYS_MAX, keys_at, rotate
from shopwire.adapters.security.tokens import TOKEN_BYTES_MAX, Tokens, new_shopper
from shopwire.kernel.access_errors import TokenExpired, Unauthenticated
from shopwire.kernel.errors import SetupProblem

HOUR_MS = 3_600_000


class FakeClock:
    def __init__(self, ms) -> None:
        self.ms = ms

    def now_ms(self):
        return self.ms

    def monotonic_ms(self):
        return float(self.ms)

    def advance(self, ms):
        self.ms += ms


@pytest.fixture
def clock():
    return FakeClock(1_795_000_000_000)


@pytest.fixture
def keys(tmp_path):
    return keys_at(tmp_path / "keys.json")


@pytest.fixture
def tokens(keys, clock):
    return Tokens(keys, clock)


def part(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def claims_of(clock, **changed: object):
    now = clock.now_ms() // 1_000
    claims = {
        "iss": "shopwire", "aud": "shopwire", "sub": "anna", "role": "operator",
        "iat": now, "exp": now + 60,
    }  # fmt: skip
    return {name: value for name, value in (claims | changed).items() if value is not None}


def signed(key, claims, **header: object):
    algorithm = header.pop("alg", "Ed25519")
    return jwt.encode(
        {"alg": algorithm, "kid": key.kid, **header}, claims, key, algorithms=[algorithm]
    )


def test_a_token_names_its_caller_until_it_expires(tokens, clock):
    subject = new_shopper()
    token, issued = tokens.issue("shopper", subject, ttl_ms=HOUR_MS)
    for _ in range(2):  # read, then known
        caller = tokens.authenticate(token)
        assert caller == issued
        assert (caller.role, caller.subject, caller.supplier) == ("shopper", subject, None)
        assert caller.principal == f"shopper:{subject}"
    clock.advance(HOUR_MS - 1_001)
    tokens.authenticate(token)
    clock.advance(1_001)
    with pytest.raises(TokenExpired):
        tokens.authenticate(token)
    with pytest.raises(TokenExpired):
        Tokens(tokens.keys, clock).authenticate(token)


def test_a_token_knows_the_moment_it_was_made(tokens, clock):
    """To the millisecond: sessions are ended up to a moment, and new ones may begin right then."""
    clock.advance(437)
    token, issued = tokens.issue("operator", "anna", ttl_ms=HOUR_MS)
    assert issued.issued_at_ms == clock.now_ms()
    assert Tokens(tokens.keys, clock).authenticate(token).issued_at_ms == clock.now_ms()


def test_a_suppliers_token_speaks_for_its_supplier(tokens):
    token, _ = tokens.issue("supplier", "acme-erp", ttl_ms=HOUR_MS, supplier="acme")
    assert tokens.authenticate(token).supplier == "acme"


def test_no_signature_proves_nothing(tokens, keys, clock):
    kid = keys.keys[0].kid
    claims = part(claims_of(clock))
    for header in ({"alg": "none", "kid": kid}, {"alg": "NONE", "kid": kid}, {"kid": kid}):
        for signature in ("", "AA"):
            with pytest.raises(Unauthenticated):
                tokens.authenticate(f"{part(header)}.{claims}.{signature}")


def test_the_public_key_is_no_shared_secret(keys, clock):
    """An attacker signs with HMAC and the key that everybody may read."""
    rsa = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
    public = KeySet.import_key_set({"keys": [rsa.as_dict(private=False)]})
    for secret in (rsa.as_pem(private=False), rsa.as_dict(private=False)["n"].encode()):
        content = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part(claims_of(clock))}"
        digest = hmac.digest(secret, content.encode(), "sha256")
        token = f"{content}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
        with pytest.raises(Unauthenticated):
            Tokens(public, clock).authenticate(token)
    good = signed(rsa, claims_of(clock), alg="RS256")
    assert Tokens(public, clock).authenticate(good).subject == "anna"


@pytest.mark.parametrize("kid", [None, "", "../../etc/passwd", "' OR 1=1 --", 7, ["a"], {"a": 1}])
def test_a_kid_is_looked_up_and_never_followed(tokens, keys, clock, kid):
    with pytest.raises(Unauthenticated):
        tokens.authenticate(f"{part({'alg': 'Ed25519', 'kid': kid})}.{part(claims_of(clock))}.AA")


def test_a_key_inside_the_token_is_not_trusted(tokens, clock):
    own = OKPKey.generate_key("Ed25519", {"kid": "mine"})
    for header in ({"jwk": own.as_dict(private=False)}, {"jku": "https://evil.example/k.json"}):
        with pytest.raises(Unauthenticated):
            tokens.authenticate(signed(own, claims_of(clock), **header))


def test_a_key_of_another_with_our_kid_is_found_out(tokens, keys, clock):
    own = OKPKey.generate_key("Ed25519", {"kid": keys.keys[0].kid})
    with pytest.raises(Unauthenticated):
        tokens.authenticate(signed(own, claims_of(clock)))


def test_changed_claims_are_found_out(tokens, clock):
    token, _ = tokens.issue("shopper", new_shopper(), ttl_ms=HOUR_MS)
    header, _, signature = token.split(".")
    with pytest.raises(Unauthenticated):
        tokens.authenticate(f"{header}.{part(claims_of(clock))}.{signature}")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "another"}, {"aud": "another"}, {"aud": None}, {"exp": None}, {"exp": "soon"},
        {"exp": True}, {"exp": -1}, {"exp": 2**60}, {"sub": None}, {"sub": ""}, {"sub": 7},
        {"sub": "x" * 500}, {"sub": "a\nb"}, {"role": "anonymous"}, {"role": "root"},
        {"role": None}, {"role": ["operator"]}, {"role": "supplier"}, {"sup": "acme"},
        {"role": "shopper", "sub": "anna"}, {"iat_ms": 1_000}, {"iat_ms": -1}, {"sub": "sh_x"},
        {"iat": 1_795_000_000 + 120}, {"nbf": 1_795_000_000 + 120},
    ],
    ids=repr,
)  # fmt: skip
def test_claims_that_do_not_fit_are_refused(tokens, keys, clock, changed):
    key = keys.keys[0]
    assert tokens.authenticate(signed(key, claims_of(clock))).subject == "anna"
    with pytest.raises(Unauthenticated):
        tokens.authenticate(signed(key, claims_of(clock, **changed)))


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "a" * 9_000, "é.é.é", "\ud800", "e30.e30."]
)
def test_what_is_no_token_is_refused(tokens, token):
    with pytest.raises(Unauthenticated):
        tokens.authenticate(token)
    assert len("a" * 9_000) > TOKEN_BYTES_MAX


def test_an_unknown_critical_header_is_not_passed_over(tokens, keys, clock):
    token = signed(keys.keys[0], claims_of(clock))
    header = part({"alg": "Ed25519", "kid": keys.keys[0].kid, "crit": ["exp"]})
    with pytest.raises(Unauthenticated):
        tokens.authenticate(".".join([header, *token.split(".")[1:]]))


def test_a_new_key_signs_and_the_old_one_is_still_read(tmp_path, clock):
    path = tmp_path / "keys.json"
    before = Tokens(keys_at(path), clock)
    old, _ = before.issue("operator", "anna", ttl_ms=HOUR_MS)
    after = Tokens(rotate(path), clock)
    new, _ = after.issue("operator", "anna", ttl_ms=HOUR_MS)
    assert after.authenticate(old).subject == after.authenticate(new).subject == "anna"
    with pytest.raises(Unauthenticated):
        before.authenticate(new)
    before.keys = after.keys
    assert before.authenticate(new).subject == "anna"
    for _ in range(KEYS_MAX):
        rotate(path)
    with pytest.raises(Unauthenticated):
        Tokens(keys_at(path), clock).authenticate(old)


def test_the_file_of_keys_is_its_owners_alone_and_stays(tmp_path):
    path = tmp_path / "keys.json"
    first = keys_at(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [key.kid for key in keys_at(path).keys] == [key.kid for key in first.keys]


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "AA", "kid": "a"}]}'],
)
def test_a_file_that_holds_no_keys_is_told(tmp_path, content):
    path = tmp_path / "keys.json"
    path.write_text(content)
    with pytest.raises(SetupProblem):
        keys_at(path)
