"""What a team writes by hand: Node's `ws` in front of the database's notifications, in some lines.

The driver of its database is spared it, as changes are made by a call in its process: what is told
of it is too little rather than too much. It has no versions, no snapshot, no resume and no rights.
"""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from shopwire.cli.bench.fanout_drive import Server, running

ROOT: Final = Path(__file__).parents[4]
"""The checkout: an installed Shopwire has no Node packages beside it."""
NODE: Final = ROOT / "tools/node.py"
FIND_S_MAX: Final = 20.0
"""Wait for Node to say whether it has the package."""

SCRIPT: Final = r"""
import { createInterface } from "node:readline";
import { WebSocketServer } from "ws";
const watching = new Map(), versions = new Map();
const server = new WebSocketServer({ port: 0, perMessageDeflate: false, backlog: 4096 });
server.on("connection", (socket) => {
  const mine = [];
  socket.on("message", (text) => {
    const wish = JSON.parse(text);
    if (wish.t !== "sub") return;
    for (const topic of wish.topics) {
      if (!watching.has(topic)) watching.set(topic, new Set());
      watching.get(topic).add(socket);
      mine.push(topic);
    }
    socket.send(`{"t":"live","id":${wish.id}}`);
  });
  socket.on("close", () => { for (const topic of mine) watching.get(topic).delete(socket); });
});
server.on("listening", () => say({ port: server.address().port }));
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
let n = 0;
const change = (number) => {
  const topic = `stock:${number}`, v = (versions.get(topic) ?? 0) + 1;
  versions.set(topic, v);
  n += 1;
  const patch = { t: "patch", topic, from: v - 1, v, set: { n }, at: Date.now() };
  const text = JSON.stringify(patch);
  for (const socket of watching.get(topic) ?? []) socket.send(text);
};
const now = () => performance.now() / 1_000;
const spent = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e6; };
const obey = async (wish) => {
  if (wish.do === "seed") for (let topic = 0; topic < wish.topics; topic += 1) change(topic);
  if (wish.do !== "run") {
    return say({ n, rss_kib: Math.round(process.memoryUsage().rss / 1_024), cpu_s: spent() });
  }
  const first = n, start = now(), asked = [];
  for (let step = 0; step < Math.floor(wish.rate * wish.seconds); step += 1) {
    await pause((start + step / wish.rate - now()) * 1_000);
    asked.push(now());
    change((step * 7) % wish.topics);
  }
  say({ first, asked, seconds: now() - start });
};
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => obey(JSON.parse(line)));
lines.on("close", () => process.exit(0));
"""


def why_not() -> str | None:
    """Why there is no gateway to compare with; None where there is one."""
    if not NODE.exists():
        return "only in a checkout, which has Node's packages"
    look = [sys.executable, str(NODE), "node", "--input-type=module", "-e", 'import "ws"']
    try:
        done = subprocess.run(  # noqa: S603 - our own tool
            look, cwd=ROOT, capture_output=True, timeout=FIND_S_MAX, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        return f"Node does not start: {problem}"
    return None if done.returncode == 0 else "Node or its package ws is not installed: make web"


@asynccontextmanager
async def gateway() -> AsyncIterator[Server]:
    """The gateway as a server of the bench."""
    node = (sys.executable, str(NODE), "node", "--input-type=module", "-e", SCRIPT)
    async with running(*node, folder=ROOT) as server:
        yield server
