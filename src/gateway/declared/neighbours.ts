/**
 * Requests for runs that another gateway carries out are passed on to it, once: to the address that its lease names and to no other,
 * with the caller's own key, by which that gateway judges it as this one did, and the replicas' key, which says who passes it on.
 */

import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { Agent, request as ask } from "undici";
import { ownerPrefix } from "../../store/lease-names.ts";
import type { Store } from "../../store/store.ts";
import { replicaKeyHeader, showsReplicaKey } from "../config/replica-key.ts";
import { refused, tryLater, type Answer } from "./answer.ts";

export type NeighboursOptions = {
  readonly store: Pick<Store, "listLeases">;
  /** The name of this gateway. */
  readonly owner: string;
  /** What the gateways of one group share. */
  readonly key: string;
};

export type Passed = {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly signal: AbortSignal;
};

export type Neighbours = AsyncDisposable & {
  /** Answers what comes from a neighbour without the replicas' key. */
  readonly check: (headers: IncomingHttpHeaders) => Answer | undefined;
  /** Passes a request on to the gateway of that name, and its answer back. Resolves to what to answer where that cannot be. */
  readonly pass: (request: Passed, owner: string, response: ServerResponse) => Promise<Answer | undefined>;
};

const byHeader = "x-fate-passed-by";
/** Headers of the caller that the other gateway needs. */
const passedHeaders = ["authorization", "x-api-key", "last-event-id", "content-type", "accept"] as const;
const returnedHeaders = ["content-type", "cache-control", "retry-after", "x-accel-buffering"] as const;
const connectMs = 2000;
/** A gateway that says nothing for so long is as good as gone: streams say every 15 s that they are still there. */
const answerMs = 5000;
const silentMs = 20_000;

export function createNeighbours({ store, owner, key }: NeighboursOptions): Neighbours {
  const agent = new Agent({
    connections: 256,
    connect: { timeout: connectMs },
    headersTimeout: answerMs,
    bodyTimeout: silentMs,
  });
  const addressOf = async (name: string): Promise<string | undefined> => {
    const leases = await store.listLeases(ownerPrefix + name);
    return leases.find((lease) => lease.name === ownerPrefix + name && lease.leftMs > 0)?.address;
  };
  return {
    check: (headers) => (headers[byHeader] === undefined || showsReplicaKey(headers, key) ? undefined : strange),
    pass: async ({ method, path, headers, signal }, to, response) => {
      // Whoever passed it on knew less: it is not sent in circles, but asked for again.
      if (headers[byHeader] !== undefined) return between;
      const address = await addressOf(to);
      if (address === undefined || to === owner) return between;
      const sent: Record<string, string> = { [byHeader]: owner, [replicaKeyHeader]: key };
      for (const name of passedHeaders) {
        const value = headers[name];
        if (typeof value === "string") sent[name] = value;
      }
      try {
        const url = new URL(path, address);
        if (url.origin !== new URL(address).origin) return between;
        const answer = await ask(url, { method: method as "GET", headers: sent, dispatcher: agent, signal });
        const returned: Record<string, string> = {};
        for (const name of returnedHeaders) {
          const value = answer.headers[name];
          if (typeof value === "string") returned[name] = value;
        }
        response.writeHead(answer.statusCode, returned);
        response.flushHeaders();
        await pipeline(answer.body, response, { signal });
      } catch {
        if (!response.headersSent) return between;
        // Cut short, as it came: the client asks again.
        response.destroy();
      }
      return undefined;
    },
    [Symbol.asyncDispose]: () => agent.destroy(),
  };
}

/** Its gateway is gone, and no other has taken it up yet. */
export const between = tryLater(
  503,
  "workflow_between_gateways",
  "The gateway that carries this workflow out cannot be reached; another one takes it up shortly.",
);

const strange = refused(
  403,
  "unknown_replica",
  "This was not passed on by a gateway of this group.",
  "permission_error",
);
