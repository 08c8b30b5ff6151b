/**
 * What the gateway needs of a model server, whatever its make. An adapter says what its server can; what it cannot say is
 * modelled from our own traffic. It keeps no account of calls: the driver does.
 */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";

export type Adapter = AsyncDisposable & {
  readonly engine: EngineId;
  readonly abilities: Abilities;
  /** Where a call of this model goes now. */
  readonly upstream: (model: ModelId) => Upstream;
  /** One look at the server. Rejects if it does not answer in time. */
  readonly look: (signal: AbortSignal) => Promise<Sight>;
  /** Makes the model resident; resolves when it can take calls. Only with `abilities.loads`. */
  readonly load: (model: ModelId, signal: AbortSignal) => Promise<void>;
  /** Gives the model's memory back. No call of it is under way. Only with `abilities.loads`. */
  readonly unload: (model: ModelId, signal: AbortSignal) => Promise<void>;
};

export type Abilities = {
  /** Loads and unloads on demand, by API or by sleeping and waking. Otherwise a first call loads, if anything does. */
  readonly loads: boolean;
  /** `look` tells load figures. */
  readonly metrics: boolean;
  readonly handOff?: "nixl" | "bootstrap";
  readonly priorities: boolean;
};

export type Upstream = {
  /** Such as `http://127.0.0.1:8000`, without a path. */
  readonly origin: string;
  /** What this server calls the model. */
  readonly model: string;
  /** Sent with every call, names in lower case: the server's own key. */
  readonly headers: Readonly<Record<string, string>>;
};

/** What one look showed. Absent: the server does not say. */
export type Sight = {
  /** Models it can serve, by the gateway's ids. */
  readonly models?: readonly ModelId[];
  /** Those in memory. */
  readonly resident?: readonly ModelId[];
  readonly loading?: readonly ModelId[];
  readonly running?: number;
  readonly waiting?: number;
  /** 0 to 1. */
  readonly kvShare?: number;
  readonly kvCapacityTokens?: number;
  readonly prefixQueries?: number;
  readonly prefixHits?: number;
};
