export { FakeClock } from "./fakeClock.ts";
export { createFakeServer, type FakeConnection, type FakeServer } from "./fakeServer.ts";
