"""Two tabs and a phone behind bad networks, on hubs that are killed: what they showed is judged."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from tests.e2e.proxy_side import FACTS, OtherSide
from tests.e2e.shop import Shop, free_port
from tests.e2e.test_hubs import until_both_are_known
from tests.hubs.conftest import children

from shopwire.testing.checkers import Committed, Felt, Shown, check_screens
from shopwire.testing.faults import KINDS, Fault, plan_faults

pytestmark = [pytest.mark.browser, pytest.mark.postgres, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
HUBS = 2
PER_S = 15
SETTLED_MS_MAX = 90_000
"""From the last change to all screens being live and equal to the log."""
PHONE = {"width": 390, "height": 844}
BRIEF = tuple(kind for kind in KINDS if kind != "half_open")
"""A half-open connection is found by missing beats, which takes longer than the short run."""


@pytest.fixture
def shop_port() -> int:
    return free_port()


@pytest.fixture
def shop_options(shop_port: int) -> tuple[str, ...]:
    origin = f"http://127.0.0.1:{shop_port}"
    return ("--hubs", str(HUBS), "--allow-origin", origin)


@pytest.fixture
def client_script(tmp_path: Path) -> Path:
    """The client as one file, from its sources."""
    script = tmp_path / "client.js"
    source = ROOT / "packages/client/src/index.ts"
    command = [sys.executable, "tools/node.py", "npx", "rolldown", str(source)]
    subprocess.run(
        [*command, "--format", "esm", "-o", str(script)], cwd=ROOT, check=True, capture_output=True
    )
    return script


class Screens:
    """Windows by name."""

    def __init__(self, browser: Browser, url: str) -> None:
        tabs = browser.new_context()
        self.pages = {
            "tab one": _open(tabs, f"{url}/?shared"),
            "tab two": _open(tabs, f"{url}/?shared"),
            "phone": _open(browser.new_context(viewport=PHONE, is_mobile=True), url),
        }

    def of(self, name: str) -> dict[str, Any]:
        told: dict[str, Any] = self.pages[name].evaluate("window.screenOf()")
        return told

    def until_equal(self, committed: list[Committed]) -> None:
        newest: dict[str, int] = {}
        for commit in committed:
            newest[commit.topic] = max(commit.version, newest.get(commit.topic, 0))
        wanted = {"versions": newest, "status": "live"}
        for name, page in self.pages.items():
            page.wait_for_function(
                "wanted => { const it = window.screenOf(); return it.status === wanted.status"
                " && Object.entries(wanted.versions).every(([t, v]) => it.versions[t] === v) }",
                arg=wanted,
                timeout=SETTLED_MS_MAX,
            )
            assert name

    def wait(self, ms: float) -> None:
        self.pages["phone"].wait_for_timeout(ms)  # the faults have their own clock

    def history(self) -> tuple[list[Shown], list[Felt]]:
        shown: list[Shown] = []
        felt: list[Felt] = []
        for name in self.pages:
            told = self.of(name)
            for at_ms, topic, epoch, version, digest in told["shown"]:
                what = {"topic": topic, "epoch": epoch, "version": version, "digest": digest}
                shown.append(Shown(screen=name, at_ms=at_ms, **what))
            for at_ms, status in told["felt"]:
                felt.append(Felt(screen=name, at_ms=at_ms, status=status))
        return shown, felt


def _open(context: BrowserContext, url: str) -> Page:
    page = context.new_page()
    page.goto(url)
    page.wait_for_function("window.screenOf?.().status === 'live'", timeout=SETTLED_MS_MAX)
    return page


def kill_a_hub(shop: Shop, chance: random.Random) -> None:
    assert shop.process is not None
    hubs = {name: pid for name, pid in children(shop.process.pid).items() if "hub" in name}
    if hubs:
        os.kill(hubs[chance.choice(sorted(hubs))], signal.SIGKILL)


def torment(
    browser: Browser,
    shop: Shop,
    client: Path,
    port: int,
    *,
    plans: list[list[Fault]],
    lasts_s: float,
    kills: int,
) -> tuple[list[Shown], list[Felt], list[Committed]]:
    """Returns what the screens showed and felt, and what was committed meanwhile."""
    chance = random.Random(len(plans[0]))
    with OtherSide(shop, HUBS, client, port, seed=1) as side:
        screens = Screens(browser, side.url)
        assert sorted(screens.of(name)["leads"] for name in ("tab one", "tab two")) == [0, 1]
        changing = side.begin(side.keep_changing(lasts_s, PER_S))
        failing = side.begin(side.run(plans))
        for _ in range(kills):
            screens.wait(lasts_s * 1_000 / (kills + 1))
            kill_a_hub(shop, chance)
        while not (changing.done() and failing.done()):
            screens.wait(200)
        changing.result()
        failing.result()
        committed = side.do(side.committed())
        screens.until_equal(committed)
        shown, felt = screens.history()
        broken = sum(proxy.broken + proxy.refused for proxy in side.proxies)
        assert broken, "the network was never bad"
    return shown, felt, committed


def judge(shown: list[Shown], felt: list[Felt], committed: list[Committed]) -> str:
    findings = check_screens(shown, felt, committed, is_fact=lambda topic: topic in FACTS)
    return "\n".join(map(str, findings))


def test_screens_tell_no_lie_while_networks_fail_and_a_hub_is_killed(
    browser: Browser, shop: Shop, shop_port: int, client_script: Path
):
    until_both_are_known(shop)
    quick = {"kinds": BRIEF, "pause_ms": (200, 700), "lasts": (200, 1_200)}
    plans = [plan_faults(seed, 5_000, **quick) for seed in (3, 4)]
    told = torment(browser, shop, client_script, shop_port, plans=plans, lasts_s=5, kills=1)
    shown, felt, committed = told
    assert judge(*told) == ""
    assert {feeling.status for feeling in felt} >= {"live", "offline"}
    # The judge is not asleep: the same history without one of its facts.
    (*_, fact, _) = (step for step in shown if (step.screen, step.topic) == ("phone", FACTS[0]))
    shown.remove(fact)
    assert "a fact is missing" in judge(shown, felt, committed)


@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_screens_tell_no_lie_for_ten_minutes(
    browser: Browser, shop: Shop, shop_port: int, client_script: Path
):
    until_both_are_known(shop)
    plans = [plan_faults(seed, 600_000, lasts=(500, 6_000)) for seed in (11, 12)]
    told = torment(browser, shop, client_script, shop_port, plans=plans, lasts_s=600, kills=8)
    shown, felt, committed = told
    assert judge(*told) == ""
    live = sum(feeling.status == "live" for feeling in felt) / len(felt)
    sys.stdout.write(
        f"{len(shown)} versions shown, {len(committed)} committed, {sum(map(len, plans))} faults,"
        f" 8 hubs killed, live {live:.0%} of the time\n"
    )
