/** Keeps each tenant within the calls it may have open and make a minute. */

import type { TenantConfig } from "../config/config.ts";
import type { CallFault } from "./call.ts";

export type Tenants = {
  /** Takes a call in, or says why not. Each call taken in must be released once. A tenant without a line has no limits. */
  readonly admit: (tenant: string, nowUs: number) => CallFault | undefined;
  /** Counts one that was taken in before, by whichever process: no limit turns it away. To be released once as well. */
  readonly resume: (tenant: string) => void;
  /** The call is over. */
  readonly release: (tenant: string) => void;
};

/** Invariant: `open` is at most `maxOpen` but for those that are resumed, and `calls` is between 0 and `mostAtOnce`. */
type Account = {
  readonly config: TenantConfig;
  open: number;
  /** Calls that may be made at once, as of `asOfUs`; they come back evenly over a minute. */
  calls: number;
  asOfUs: number;
};

const minuteUs = 60_000_000;

export function createTenants(configs: readonly TenantConfig[]): Tenants {
  const accounts = new Map<string, Account>();
  for (const config of configs) {
    accounts.set(config.id, { config, open: 0, calls: mostAtOnce(config.requestsPerMinute ?? 1), asOfUs: 0 });
  }

  /** A call that is turned away uses nothing up. */
  function admit(tenant: string, nowUs: number): CallFault | undefined {
    const account = accounts.get(tenant);
    if (account === undefined) return undefined;
    const { maxOpen, requestsPerMinute } = account.config;
    if (account.open >= maxOpen) return tooMany(`${maxOpen} calls of this tenant are open: wait for one to end.`, 1);
    if (requestsPerMinute !== undefined) {
      const waitUs = takeCall(account, requestsPerMinute, nowUs);
      if (waitUs > 0) {
        return tooMany(`This tenant may make ${requestsPerMinute} calls a minute.`, Math.ceil(waitUs / 1_000_000));
      }
    }
    account.open += 1;
    return undefined;
  }

  function release(tenant: string): void {
    const account = accounts.get(tenant);
    if (account !== undefined && account.open > 0) account.open -= 1;
  }

  function resume(tenant: string): void {
    const account = accounts.get(tenant);
    if (account !== undefined) account.open += 1;
  }

  return { admit, resume, release };
}

/** Takes one call of those that may be made, or tells how long until there is one. */
function takeCall(account: Account, perMinute: number, nowUs: number): number {
  const passedUs = Math.max(0, nowUs - account.asOfUs);
  account.calls = Math.min(mostAtOnce(perMinute), account.calls + (passedUs * perMinute) / minuteUs);
  account.asOfUs = Math.max(account.asOfUs, nowUs);
  if (account.calls < 1) return ((1 - account.calls) * minuteUs) / perMinute;
  account.calls -= 1;
  return 0;
}

/** A minute's worth, and at least the one call without which there would be none ever. */
function mostAtOnce(perMinute: number): number {
  return Math.max(1, perMinute);
}

function tooMany(message: string, retryAfterS: number): CallFault {
  return { status: 429, type: "rate_limit_error", code: "rate_limit_exceeded", message, retryAfterS };
}
