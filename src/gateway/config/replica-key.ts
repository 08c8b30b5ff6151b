/** The key that the gateways of one group share, as they show it to one another. */

import type { IncomingHttpHeaders } from "node:http";
import { isSameKey } from "./keys.ts";

export const replicaKeyHeader = "x-fate-replica-key";

export function showsReplicaKey(headers: IncomingHttpHeaders, key: string): boolean {
  const given = headers[replicaKeyHeader];
  return typeof given === "string" && isSameKey(given, key);
}
