import { afterEach, beforeEach, test, vi } from "vitest";
import { policies } from "../../../src/policy/policies.ts";
import { isAblation } from "../../support/ablations.ts";
import { carryMixedLoad } from "./mixed-load.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test.each(Object.keys(policies).filter(isAblation))("%s carries a mixed load through", carryMixedLoad);
