/**
 * Keeps the gateway's picture of prefix caches in step with engines that publish what they cache. Which tokens a prompt became is
 * asked of the engine itself, off the path of the call; what it then says to be gone, the picture forgets.
 */

import type { EngineId } from "../model/cluster.ts";
import type { ModelId } from "../model/model.ts";
import type { ChainLink } from "../model/prefix.ts";
import type { Adapter } from "./adapter/adapter.ts";
import type { EngineConfig } from "./config/config.ts";
import { BlockIndex } from "./kv-events/block-index.ts";
import type { Follower } from "./kv-events/follow.ts";
import { followEngine } from "./kv-events/follow-engine.ts";
import { tokenize } from "./kv-events/tokenize.ts";
import type { Log } from "./observe/log.ts";

export type KvWatchHost = {
  readonly onGone: (engine: EngineId, model: ModelId, hash?: number) => void;
  readonly adapter: (engine: EngineId) => Adapter;
  readonly log: Log;
};

/** Questions to one engine under way at once; more prompts go unasked, and are learnt when they come again. */
const mostAsking = 2;
const askMs = 5_000;
/** Prompts that have been asked for, by their last link. */
const mostKnown = 65_536;

export class KvWatch implements AsyncDisposable {
  readonly #host: KvWatchHost;
  readonly #index: BlockIndex;
  readonly #followers = new Map<EngineId, Follower>();
  readonly #asking = new Map<EngineId, number>();
  readonly #known = new Set<number>();
  readonly #closing = new AbortController();

  constructor(host: KvWatchHost) {
    this.#host = host;
    this.#index = new BlockIndex({
      onGone: (engine, model, hash) => host.onGone(engine, model, hash),
      onCleared: (engine, model) => host.onGone(engine, model),
    });
  }

  follows(engine: EngineId): boolean {
    return this.#followers.has(engine);
  }

  add({ id: engine, kvEvents: config, models, resident }: EngineConfig): void {
    // Events do not say of which model they are: an engine that publishes them serves one.
    const model = resident[0] ?? models[0]?.id;
    if (config === undefined || model === undefined || this.#followers.has(engine)) return;
    const following = followEngine({
      engine,
      model,
      config,
      index: this.#index,
      onState: (state) =>
        state.kind === "current"
          ? this.#host.log.info("kv-events-current", { engine })
          : this.#host.log.warn("kv-events-stale", { engine, reason: state.reason }),
    });
    if (following.kind === "following") this.#followers.set(engine, following.follower);
    else this.#host.log.error("kv-events-failed", { engine, reason: following.reason });
  }

  async remove(engine: EngineId): Promise<void> {
    const follower = this.#followers.get(engine);
    this.#followers.delete(engine);
    await follower?.[Symbol.asyncDispose]();
  }

  /** A prompt was taken in there: asks which tokens it became, if that is not known yet. */
  learn(engine: EngineId, model: ModelId, chain: readonly ChainLink[], body: object): void {
    const last = chain.at(-1);
    const prompt = promptOf(body);
    const asking = this.#asking.get(engine) ?? 0;
    if (last === undefined || prompt === undefined || !this.#followers.has(engine)) return;
    if (this.#known.has(last.hash) || asking >= mostAsking) return;
    this.#remember(last.hash);
    this.#asking.set(engine, asking + 1);
    const { origin, model: name, headers } = this.#host.adapter(engine).upstream(model);
    const asked = { origin, model: name, headers, prompt, timeoutMs: askMs, signal: this.#closing.signal };
    void tokenize(asked).then((answer) => {
      this.#asking.set(engine, (this.#asking.get(engine) ?? 1) - 1);
      if (answer.kind === "tokens") this.#index.learn(model, chain, answer.tokens);
      else this.#known.delete(last.hash);
    });
  }

  #remember(hash: number): void {
    this.#known.add(hash);
    if (this.#known.size <= mostKnown) return;
    for (const oldest of this.#known) {
      this.#known.delete(oldest);
      break;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#followers.keys()].map((engine) => this.remove(engine)));
  }
}

type Prompt = Parameters<typeof tokenize>[0]["prompt"];

function promptOf(body: object): Prompt | undefined {
  if ("messages" in body && Array.isArray(body.messages)) {
    const tools = "tools" in body && Array.isArray(body.tools) ? { tools: body.tools } : {};
    return { messages: body.messages, ...tools };
  }
  return "prompt" in body && typeof body.prompt === "string" ? { prompt: body.prompt } : undefined;
}
