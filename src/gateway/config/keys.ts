/**
 * Keys of those who call. The configuration holds their hashes only. A key is 32 random bytes, so that a plain SHA-256 is
 * enough: there is nothing to guess that a slow hash would protect.
 */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Config } from "./config.ts";

/** `operator`: it may look at what all tenants do. */
export type Caller = { readonly tenant: string; readonly key: string; readonly operator: boolean };

export type Credentials = {
  /** `Bearer KEY`, as OpenAI's clients send it. */
  readonly authorization?: string | undefined;
  /** The key alone, as Anthropic's clients send it. */
  readonly apiKey?: string | undefined;
};

export type Keyring = {
  /** Without keys nobody is asked for one. */
  readonly open: boolean;
  /** Whose key it is. Takes as long for a wrong key as for any right one. */
  readonly find: (credentials: Credentials) => Caller | undefined;
};

const prefix = "fk-";
/** Longer than any key that is made; what is longer is hashed no further. */
const maxKeyLength = 512;

/** `fk-` and 43 characters. */
export function generateKey(): string {
  return prefix + randomBytes(32).toString("base64url");
}

/** In lower-case hexadecimal, as the configuration has it. */
export function hashKey(key: string): string {
  return digest(key).toString("hex");
}

/** In constant time, whatever their lengths. */
export function isSameKey(given: string, known: string): boolean {
  return timingSafeEqual(digest(given), digest(known));
}

/** All keys are compared every time, whichever matches. O(keys) of 32 bytes. */
export function createKeyring({ keys }: Pick<Config, "keys">): Keyring {
  const isShared = new Set(keys.map(({ tenant }) => tenant)).size > 1;
  const known = keys.map(({ id, sha256, tenant, operator = !isShared }) => ({
    hash: Buffer.from(sha256, "hex"),
    caller: { tenant, key: id, operator },
  }));
  return {
    open: keys.length === 0,
    find: ({ authorization, apiKey }) => {
      const given = readKey(authorization, apiKey);
      if (given === undefined) return undefined;
      const hash = digest(given);
      let found: Caller | undefined;
      for (const { hash: expected, caller } of known) if (timingSafeEqual(hash, expected)) found = caller;
      return found;
    },
  };
}

/** The authorization header goes first, as a client that sends both means that one for whoever stands in front. */
function readKey(authorization: string | undefined, apiKey: string | undefined): string | undefined {
  const key =
    authorization === undefined ? apiKey : /^bearer +(\S+) *$/i.exec(authorization.slice(0, 2 * maxKeyLength))?.[1];
  return key === undefined || key === "" || key.length > maxKeyLength ? undefined : key;
}

function digest(key: string): Buffer {
  return createHash("sha256").update(key, "utf8").digest();
}
