// What a team writes by hand in front of the database's notifications, in three kinds: rooms on `ws`,
// rooms on Socket.IO, and a bridge that posts to nchan. No versions, no resume, no rights.
// Started by `shopwire bench peers` with the kind, the database and, for the bridge, where to post.

import { Agent, createServer, request } from "node:http";
import { createInterface } from "node:readline";
import pg from "pg";
import { Server } from "socket.io";
import { type WebSocket, WebSocketServer } from "ws";

const [kind, database, target] = process.argv.slice(2);
const BACKLOG = 4096;

const listener = new pg.Client(database);
const pool = new pg.Pool({ connectionString: database, max: 10 });

/** What the page shows first. */
async function rowsOf(topics: string[]): Promise<unknown[]> {
  const wanted = "SELECT topic, n, available, price FROM stock WHERE topic = ANY($1)";
  return (await pool.query(wanted, [topics])).rows;
}

type Tell = (topic: string, row: string) => void;

function rooms(): Tell {
  const watching = new Map<string, Set<WebSocket>>();
  const server = new WebSocketServer({ port: 0, perMessageDeflate: false, backlog: BACKLOG });
  server.on("connection", (socket) => {
    const mine = new Set<string>();
    socket.on("message", async (text) => {
      const { topics } = JSON.parse(text.toString());
      for (const topic of topics) {
        if (!watching.has(topic)) watching.set(topic, new Set());
        watching.get(topic)?.add(socket);
        mine.add(topic);
      }
      socket.send(JSON.stringify({ rows: await rowsOf(topics) }));
    });
    socket.on("error", () => socket.terminate());
    socket.on("close", () => {
      for (const topic of mine) watching.get(topic)?.delete(socket);
    });
  });
  server.on("listening", () => say(server.address()));
  return (topic, row) => {
    for (const socket of watching.get(topic) ?? []) socket.send(row);
  };
}

function socketIo(): Tell {
  const http = createServer();
  const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false });
  io.on("connection", (socket) => {
    socket.on("watch", async (topics: string[]) => {
      socket.join(topics);
      socket.emit("rows", await rowsOf(topics));
    });
  });
  http.listen({ port: 0, host: "127.0.0.1", backlog: BACKLOG }, () => say(http.address()));
  return (topic, row) => io.to(topic).emit("row", JSON.parse(row));
}

/** One connection that is kept and one request at a time: what is posted stays in order. */
function bridge(): Tell {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  say({ port: Number(target) });
  return (topic, row) => {
    const path = `/pub?id=${topic}`;
    const post = request({ port: target, path, method: "POST", agent }, (answer) => {
      answer.resume();
    });
    post.on("error", (problem) => process.stderr.write(`nchan: ${problem.message}\n`));
    post.end(row);
  };
}

function say(address: unknown): void {
  process.stdout.write(`${JSON.stringify(address)}\n`);
}

createInterface({ input: process.stdin }).on("close", () => process.exit(0));
await listener.connect();
await listener.query("LISTEN stock");
const kinds: Record<string, () => Tell> = { ws: rooms, socketio: socketIo, nchan: bridge };
const tell = kinds[kind]();
listener.on("notification", ({ payload = "" }) => {
  const at = payload.indexOf(" ");
  tell(payload.slice(0, at), payload.slice(at + 1));
});
