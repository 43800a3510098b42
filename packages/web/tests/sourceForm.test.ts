import { ShopwireError, type SourceDocument } from "@shopwire/client";
import { describe, expect, it } from "vitest";
import { foundText } from "../src/console/SourceLook.tsx";
import {
  bodyOf,
  draftOf,
  faultOf,
  faultOfDraft,
  newDraft,
  secretName,
  slugOf,
} from "../src/console/sourceForm.ts";

const DRAFT = { ...newDraft("Europe/Berlin"), supplier: "acme", address: " https://a.example/f " };

describe("a source as it is typed", () => {
  it("sends only what belongs to its kind of place", () => {
    const typed = { ...DRAFT, hostKey: "SHA256:x", pattern: "a*", secretText: "s" };
    expect(bodyOf(typed).place).toEqual({
      ...{ kind: "http", address: "https://a.example/f", pattern: "*" },
      ...{ secret: "acme-main", header: "Authorization", host_key: "" },
    });
    expect(bodyOf({ ...typed, kind: "push" }).place).toEqual({
      ...{ kind: "push", address: "", pattern: "*", secret: "" },
      ...{ header: "Authorization", host_key: "" },
    });
    expect(bodyOf({ ...typed, kind: "push" }).schedule).toBeNull();
    expect(bodyOf({ ...typed, kind: "folder" }).place).toMatchObject({ pattern: "a*", secret: "" });
  });

  it("says a schedule in one way or not at all", () => {
    expect(bodyOf(DRAFT).schedule).toEqual({ every_minutes: 60 });
    expect(bodyOf({ ...DRAFT, when: "asked" }).schedule).toBeNull();
    const daily = bodyOf({ ...DRAFT, when: "daily" }).schedule;
    expect(daily).toEqual({ daily_at: "06:30", time_zone: "Europe/Berlin" });
  });

  it("comes back from a source as it went in", () => {
    const typed = { ...DRAFT, when: "daily", secret: "key", feed: "full", address: "x" } as const;
    const body = bodyOf(typed);
    const schedule = { every_minutes: null, daily_at: null, time_zone: "UTC", ...body.schedule };
    const kept = { ...body, schedule } as unknown as SourceDocument;
    expect(draftOf(kept, "UTC")).toEqual(typed);
  });

  it("names a secret after its source, and none where there is none", () => {
    expect(secretName(DRAFT)).toBe("");
    expect(secretName({ ...DRAFT, secretText: "x", supplier: "kötbullar" })).toBe("k-tbullar-main");
    expect(secretName({ ...DRAFT, kind: "folder", secretText: "x" })).toBe("");
  });

  it("writes ids as the shop does", () => {
    expect(slugOf("Café & Nordic  Supply")).toBe("cafe-nordic-supply");
  });

  it("tells what is wrong at its field", () => {
    expect(faultOfDraft({ ...DRAFT, everyMinutes: "1.5" })?.field).toBe("everyMinutes");
    expect(faultOfDraft({ ...DRAFT, everyMinutes: "1.5", when: "asked" })).toBeNull();
    const refused = (body: object) => faultOf(new ShopwireError(body, 422));
    expect(refused({ message: "No.", data: { field: "place.host_key" } }).field).toBe("hostKey");
    expect(refused({ name: "SecretMissing", message: "No.", remedy: "So." })).toEqual({
      ...{ field: "secretText", text: "No. So." },
    });
    const locked = { name: "SourceRefused", message: "No.", data: { status: 401 } };
    expect(refused(locked).field).toBe("secretText");
    expect(refused({ ...locked, data: { status: 404 } }).field).toBe("address");
    expect(refused({ name: "QueueFull", message: "Busy." }).field).toBeNull();
  });

  it("says what a look found", () => {
    const looked = { bytes: 0, file: "", more: false, preview: null };
    expect(foundText(looked)).toContain("no file is there yet");
  });
});
