/** Whose client a page speaks by. */

import type { Client } from "@shopwire/client";
import { useClient } from "@shopwire/client/react";
import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import { Surface } from "../src/shared/Surface.tsx";

afterEach(cleanup);

const SILENT = { options: () => ({ transports: [], environment: null }) };

function clientFor(subject: string): Client {
  let seen: Client | null = null;
  const See = () => {
    seen = useClient();
    return null;
  };
  cleanup();
  render(
    <Surface who="supplier" subject={subject} made={SILENT}>
      <See />
    </Surface>,
  );
  if (seen === null) throw new Error("no client was given");
  return seen;
}

it("who comes after somebody else does not speak and see as they did", () => {
  const first = clientFor("acme");
  expect(clientFor("acme"), "pages come and go, the client stays").toBe(first);
  expect(clientFor("zenith")).not.toBe(first);
  expect(clientFor("acme"), "nor does who comes back").not.toBe(first);
});
