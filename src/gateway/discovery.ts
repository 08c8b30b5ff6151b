/** Engines that come and go without the configuration being changed: those of a watched file, and those that names resolve to. */

import { isDeepStrictEqual } from "node:util";
import { toEngineAt, watchDns, type DnsWatch } from "./adapter/discovery-dns.ts";
import { watchEngineFile, type FileWatch } from "./adapter/discovery-file.ts";
import type { Config } from "./config/config.ts";
import { parseEngineFile } from "./config/discovered.ts";

export type DiscoveryHost = {
  readonly config: Config;
  /** The configuration with the engines that are there now. */
  readonly onChange: (config: Config) => void;
  readonly onFault: (reason: string) => void;
};

export class Discovery implements AsyncDisposable {
  readonly #host: DiscoveryHost;
  #config: Config;
  #file: FileWatch | undefined;
  #names: DnsWatch[] = [];

  constructor(host: DiscoveryHost) {
    this.#host = host;
    this.#config = host.config;
    this.#watch();
  }

  /** Goes on from another configuration, with what was found so far where the same is looked for. */
  async rebase(config: Config): Promise<void> {
    const same = isDeepStrictEqual(config.discovery, this.#config.discovery);
    this.#config = config;
    if (same) return;
    await this.#stop();
    this.#watch();
  }

  /** What the configuration says, with all that is discovered. An id that is taken stays with whom it has. */
  whole(): Config {
    const engines = new Map(this.#config.engines.map((engine) => [engine.id, engine]));
    const found = [...(this.#file?.engines() ?? [])];
    for (const [index, dns] of this.#config.discovery.dns.entries())
      for (const address of this.#names[index]?.addresses() ?? []) found.push(toEngineAt(dns, address));
    for (const engine of found) if (!engines.has(engine.id)) engines.set(engine.id, engine);
    return { ...this.#config, engines: [...engines.values()] };
  }

  #watch(): void {
    const { discovery } = this.#config;
    const { onFault } = this.#host;
    const onChange = (): void => this.#host.onChange(this.whole());
    if (discovery.file !== undefined) {
      const parse = (text: string, path: string) => parseEngineFile(this.#config, text, path);
      this.#file = watchEngineFile({ path: discovery.file, parse, onChange, onFault });
    }
    this.#names = discovery.dns.map((config) => watchDns({ config, onChange, onFault }));
  }

  async #stop(): Promise<void> {
    for (const name of this.#names) name[Symbol.dispose]();
    this.#names = [];
    await this.#file?.[Symbol.asyncDispose]();
    this.#file = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}
