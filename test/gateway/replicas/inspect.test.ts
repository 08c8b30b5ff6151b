/** What `fate doctor` says of the gateways of a group. */

import { expect, test } from "vitest";
import { inspectReplicas } from "../../../src/gateway/config/inspect/inspect-replicas.ts";
import { parseConfig } from "../../../src/gateway/config/parse-config.ts";
import type { Lease } from "../../../src/store/store.ts";

const env = { DATABASE_URL: "postgres://db/d" };
const config = parseConfig(
  `engines: [{ id: e, kind: vllm, url: "http://10.0.0.9:8000", gpu: h100-80g }]
replicas: { url: "http://10.0.0.1:7373" }`,
  "test",
  env,
);

const lease = (name: string, holder: string, leftMs = 100, epoch = 1): Lease => ({
  name,
  holder,
  address: `http://${holder}`,
  epoch,
  leftMs,
});

const says = async (listLeases: () => Promise<readonly Lease[]>): Promise<readonly string[]> =>
  (await inspectReplicas(config, { listLeases })).map(({ level, what }) => `${level}: ${what}`);

test.each([
  [[], "note: no gateway of the group runs"],
  [[lease("planner", "a", -5), lease("owner/a", "a", -5)], "note: no gateway of the group runs"],
  [[lease("owner/a", "a"), lease("planner", "b", 0)], "warning: 1 gateway runs (http://a), none of them plans"],
  [
    [lease("owner/a", "a"), lease("owner/b", "b"), lease("planner", "b", 50, 7)],
    "fine: 2 gateways run (http://a, http://b), planner http://b, epoch 7",
  ],
])("leases %j", async (leases, said) => {
  expect(await says(() => Promise.resolve(leases))).toEqual([said]);
});

test("a store that cannot be looked at is no more than a note", async () => {
  expect(await says(() => Promise.reject(new Error("no")))).toEqual(["note: it cannot be seen which gateways run"]);
});

test("a gateway that is alone is not asked about", async () => {
  const { replicas: _, ...alone } = config;
  expect(await inspectReplicas(alone, { listLeases: () => Promise.reject(new Error("asked")) })).toEqual([]);
});
