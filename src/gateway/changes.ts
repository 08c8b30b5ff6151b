/** Changes of a gateway that runs, one after another: another configuration, other engines, or others that an engine serves. */

import { isDeepStrictEqual } from "node:util";
import { createTenants } from "./call/tenants.ts";
import type { Config } from "./config/config.ts";
import { createKeyring } from "./config/keys.ts";
import { compareConfigs, type ConfigComparison } from "./config/reload.ts";
import { Discovery } from "./discovery.ts";
import type { EngineSide } from "./engine-side.ts";
import { reasonOf, type Ground } from "./ground.ts";

export class Changes implements AsyncDisposable {
  readonly #ground: Ground;
  readonly #engines: EngineSide;
  readonly #discovery: Discovery;
  #underWay: Promise<unknown> = Promise.resolve();

  constructor(ground: Ground, engines: EngineSide) {
    this.#ground = ground;
    this.#engines = engines;
    this.#discovery = new Discovery({
      config: ground.now.config,
      onChange: (next) => void this.#enqueue(() => this.#turnTo(next)),
      onFault: (reason) => ground.log.warn("discovery-failed", { reason }),
    });
  }

  /** Another configuration, and what is discovered by it. */
  reload(next: Config): Promise<ConfigComparison> {
    return this.#enqueue(async () => {
      await this.#discovery.rebase(next);
      return this.#turnTo(this.#discovery.whole());
    });
  }

  /** Engines serve other models than is planned with. */
  reshape(): void {
    void this.#enqueue(() => this.#engines.reshape(this.#ground.now.config));
  }

  #enqueue<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#underWay.then(change);
    this.#underWay = done.catch((error: unknown) =>
      this.#ground.log.error("reload-failed", { reason: reasonOf(error) }),
    );
    return done;
  }

  async #turnTo(asked: Config): Promise<ConfigComparison> {
    const { log, now } = this.#ground;
    const before = now.config;
    const comparison = compareConfigs(before, asked);
    const { next, changes } = comparison;
    for (const { sentence } of changes) log.info("config-changed", { what: sentence });
    now.keyring = createKeyring(next);
    // Those that stay as they are keep account of what is open.
    if (!isDeepStrictEqual(before.tenants, next.tenants)) now.tenants = createTenants(next.tenants);
    now.config = next;
    this.#engines.driver.configure({ policy: next.policy, queue: next.queue, planning: next.planning });
    await this.#engines.change(before, next);
    return comparison;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#discovery[Symbol.asyncDispose]();
  }
}
