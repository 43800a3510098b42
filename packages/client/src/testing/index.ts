export { FakeClock } from "./fakeClock.ts";
export {
  createFakeServer,
  type FakeCaller,
  type FakeConnection,
  type FakeServer,
} from "./fakeServer.ts";
export { FakeBrowser, type FakeTab } from "./fakeTabs.ts";
