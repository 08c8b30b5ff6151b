/** Finds engines by name: every address that the name resolves to is one. */

import { lookup } from "node:dns/promises";
import { isIPv6 } from "node:net";
import type { DnsConfig, EngineConfig } from "../config/config.ts";
import { nothing, type Timers, wallTimers } from "./timers.ts";

/** All addresses of a name. Rejects if there are none. */
export type Resolve = (name: string) => Promise<readonly string[]>;

export type AddressChange = { readonly added: readonly string[]; readonly removed: readonly string[] };

export type DnsWatch = Disposable & { readonly addresses: () => readonly string[] };

/** Of more addresses, the first ones in order are taken. */
const maxAddresses = 1024;
const answerWithinMs = 10_000;

/**
 * Asks at once and then `everyMs` after each answer. A failure keeps what was last known: a name server that is away must not take
 * the engines with it; those that are gone for good are found out by looking at them.
 */
export function watchDns(options: {
  readonly config: Pick<DnsConfig, "name" | "everyMs">;
  readonly onChange: (change: AddressChange) => void;
  readonly onFault: (reason: string) => void;
  readonly resolve?: Resolve;
  readonly timers?: Timers;
}): DnsWatch {
  const { config, onChange, onFault, resolve = resolveBySystem, timers = wallTimers } = options;
  let known: readonly string[] = [];
  let cancel = nothing;
  let disposed = false;

  const begin = (): void => {
    let answered = false;
    const conclude = (act: () => void): void => {
      if (answered || disposed) return;
      answered = true;
      cancel();
      act();
      cancel = timers.after(config.everyMs, begin);
    };
    cancel = timers.after(answerWithinMs, () => {
      conclude(() => {
        onFault(`${config.name}: found no answer within ${answerWithinMs} ms, expected its addresses`);
      });
    });
    void resolve(config.name).then(
      (found) => {
        conclude(() => {
          take(found);
        });
      },
      (error: unknown) => {
        conclude(() => {
          onFault(`${config.name}: found ${codeOf(error)}, expected its addresses`);
        });
      },
    );
  };

  const take = (found: readonly string[]): void => {
    if (found.length === 0) {
      onFault(`${config.name}: found no address, expected at least one`);
      return;
    }
    const now = oneFamily(found);
    const change = {
      added: now.filter((address) => !known.includes(address)),
      removed: known.filter((address) => !now.includes(address)),
    };
    known = now;
    if (change.added.length + change.removed.length > 0) onChange(change);
  };

  begin();
  return {
    addresses: () => known,
    [Symbol.dispose]: () => {
      disposed = true;
      cancel();
    },
  };
}

/** The engine at an address, after the pattern in the description. Its id names the address, so that it keeps it. */
export function toEngineAt({ engine, port }: Pick<DnsConfig, "engine" | "port">, address: string): EngineConfig {
  const protocol = engine.url === undefined ? "http:" : new URL(engine.url).protocol;
  const host = isIPv6(address) ? `[${address}]` : address;
  return { ...engine, id: `${engine.id}@${host}:${port}`, url: `${protocol}//${host}:${port}` };
}

const resolveBySystem: Resolve = async (name) => (await lookup(name, { all: true })).map(({ address }) => address);

/** A server that has an address of each family is one engine, not two. In order, each once. */
function oneFamily(found: readonly string[]): readonly string[] {
  const old = found.filter((address) => !isIPv6(address));
  return [...new Set(old.length > 0 ? old : found)].sort().slice(0, maxAddresses);
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "a failure";
}
