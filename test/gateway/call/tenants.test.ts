import { expect, test } from "vitest";
import type { CallFault } from "../../../src/gateway/call/call.ts";
import { createTenants } from "../../../src/gateway/call/tenants.ts";

const secondUs = 1_000_000;
const tooMany: Partial<CallFault> = { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded" };

test("so many calls may be open, and one that ends makes room", () => {
  const { admit, release } = createTenants([{ id: "a", maxOpen: 2, priority: 0 }]);
  expect([admit("a", 0), admit("a", 0)]).toEqual([undefined, undefined]);
  expect(admit("a", 0)).toMatchObject({ ...tooMany, retryAfterS: 1 });
  release("a");
  expect(admit("a", 0)).toBeUndefined();
  expect(admit("a", 0)).toMatchObject(tooMany);
});

test("a minute's worth may be made at once, and they come back evenly", () => {
  const { admit } = createTenants([{ id: "a", maxOpen: 1000, requestsPerMinute: 6, priority: 0 }]);
  for (let call = 0; call < 6; call++) expect(admit("a", 0)).toBeUndefined();
  expect(admit("a", 0)).toMatchObject({ ...tooMany, retryAfterS: 10 });
  expect(admit("a", 4 * secondUs)).toMatchObject({ retryAfterS: 6 });
  expect(admit("a", 10 * secondUs)).toBeUndefined();
  expect(admit("a", 10 * secondUs)).toMatchObject({ retryAfterS: 10 });
  for (let call = 0; call < 6; call++) expect(admit("a", 1000 * secondUs)).toBeUndefined();
  expect(admit("a", 1000 * secondUs)).toMatchObject(tooMany);
});

test("who comes back after the time that the answer says is taken in", () => {
  for (let perMinute = 1; perMinute <= 200; perMinute++) {
    const { admit } = createTenants([{ id: "a", maxOpen: 1000, requestsPerMinute: perMinute, priority: 0 }]);
    for (let call = 0; call < perMinute; call++) admit("a", 123);
    const refused = admit("a", 123);
    expect(admit("a", 123 + (refused?.retryAfterS ?? 0) * secondUs)).toBeUndefined();
  }
});

test("less than a call a minute is still one now and then", () => {
  const { admit } = createTenants([{ id: "a", maxOpen: 9, requestsPerMinute: 0.5, priority: 0 }]);
  expect(admit("a", 0)).toBeUndefined();
  expect(admit("a", 119 * secondUs)).toMatchObject({ retryAfterS: 1 });
  expect(admit("a", 120 * secondUs)).toBeUndefined();
});

test("a call that is turned away uses nothing up", () => {
  const { admit, release } = createTenants([{ id: "a", maxOpen: 1, requestsPerMinute: 2, priority: 0 }]);
  expect(admit("a", 0)).toBeUndefined();
  for (let call = 0; call < 5; call++) expect(admit("a", 0)).toMatchObject(tooMany);
  release("a");
  expect(admit("a", 0)).toBeUndefined();
});

test("tenants do not feel one another, and one without a line has no limits", () => {
  const { admit, release } = createTenants([
    { id: "a", maxOpen: 1, priority: 0 },
    { id: "b", maxOpen: 1, priority: 0 },
  ]);
  expect([admit("a", 0), admit("b", 0)]).toEqual([undefined, undefined]);
  for (let call = 0; call < 50; call++) expect(admit("c", 0)).toBeUndefined();
  release("c");
  release("b");
  release("b");
  expect([admit("b", 0), admit("b", 0)]).toMatchObject([undefined, tooMany]);
});
