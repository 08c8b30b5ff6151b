/** What every part of a gateway stands on: its name, its clock, its log, and what it is configured to be at the moment. */

import { randomBytes } from "node:crypto";
import { createTenants, type Tenants } from "./call/tenants.ts";
import type { Config } from "./config/config.ts";
import { createKeyring, type Keyring } from "./config/keys.ts";
import { createReadBody, type ReadBody } from "./http/read-body.ts";
import { createTime, type Time } from "./live/time.ts";
import { createLog, type Log } from "./observe/log.ts";

export type Ground = {
  /** Of this process, and of no other. */
  readonly id: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly time: Time;
  readonly log: Log;
  readonly now: Present;
  readonly readBody: ReadBody;
};

/** What is another from one moment to the next: a reload puts others here, and whoever needs it looks here each time. */
export type Present = {
  config: Config;
  keyring: Keyring;
  tenants: Tenants;
  /** Nothing new is taken any more. */
  draining: boolean;
};

export function layGround(config: Config, env: Ground["env"], write: (line: string) => void): Ground {
  const now: Present = {
    config,
    keyring: createKeyring(config),
    tenants: createTenants(config.tenants),
    draining: false,
  };
  return {
    id: randomBytes(8).toString("hex"),
    env,
    time: createTime(),
    log: createLog({ ...config.log, write, nowMs: Date.now }),
    now,
    readBody: createReadBody(() => now.config.limits),
  };
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
