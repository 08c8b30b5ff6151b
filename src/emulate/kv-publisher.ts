/**
 * Word of KV blocks that come and go, as model servers publish it over ZeroMQ. Blocks are named by hashes of the engine's
 * own, the model's name among what is hashed, and carry the token ids that `/tokenize` gives to the same text.
 */

import { encodeBatch, type KvEncoding } from "../gateway/kv-events/encode.ts";
import type { KvEvent } from "../gateway/kv-events/event.ts";
import { createKvPublisher } from "../gateway/kv-events/publish.ts";
import type { ModelId } from "../model/model.ts";
import { chainHash } from "../model/prefix.ts";
import type { BlockListener } from "./batch/prefixes.ts";
import { toTokenIds } from "./text/tokens.ts";

export type KvEventsOptions = {
  /** How each event is written: as a list of its fields, or by their names. */
  readonly encoding?: KvEncoding;
  /** `kv@` and the engine's id unless said. */
  readonly topic?: string;
} & (
  | {
      /** For a ZeroMQ PUB socket; 0 takes any free one. */
      readonly port: number;
      /** For replays; absent: there are none. */
      readonly replayPort?: number;
    }
  | { readonly publisher: Publisher }
);

/** Where encoded batches go. `sequence` counts from 0 without gaps. */
export type Publisher = { readonly publish: (topic: string, sequence: number, payload: Uint8Array) => void };

export type KvTeller = AsyncDisposable & {
  readonly listen: (model: ModelId) => BlockListener;
  /** Nothing is cached any more. */
  readonly clear: () => void;
  readonly port?: number;
  readonly replayPort?: number;
};

export async function createKvTeller(
  options: KvEventsOptions,
  engine: { readonly id: string; readonly host: string; readonly blockTokens: number },
): Promise<KvTeller> {
  const { encoding = "maps", topic = `kv@${engine.id}` } = options;
  const socket =
    "publisher" in options
      ? undefined
      : await createKvPublisher({
          host: engine.host,
          port: options.port,
          topic,
          encoding,
          ...(options.replayPort === undefined ? {} : { replayPort: options.replayPort }),
        });
  let sequence = 0;
  const tell = (event: KvEvent): void => {
    const atS = Date.now() / 1000;
    socket?.publish([event], atS);
    if ("publisher" in options)
      options.publisher.publish(topic, sequence++, encodeBatch({ atS, events: [event], rank: 0 }, encoding));
  };
  return {
    listen: (model) => {
      const name = (hash: number): string => chainHash(hash, model).toString(16).padStart(16, "0");
      return {
        stored: (chain, from, bytes) => {
          const parent = chain[from - 1];
          tell({
            kind: "block-stored",
            blocks: chain.slice(from).map(({ hash }) => name(hash)),
            tokens: toTokenIds(bytes, from * engine.blockTokens, chain.length * engine.blockTokens),
            blockTokens: engine.blockTokens,
            medium: "GPU",
            ...(parent === undefined ? {} : { parent: name(parent.hash) }),
          });
        },
        removed: (hashes) => tell({ kind: "block-removed", blocks: hashes.map(name), medium: "GPU" }),
      };
    },
    clear: () => tell({ kind: "all-blocks-cleared" }),
    ...(socket === undefined ? {} : { port: socket.port }),
    ...(socket?.replayPort === undefined ? {} : { replayPort: socket.replayPort }),
    [Symbol.asyncDispose]: () => socket?.[Symbol.asyncDispose]() ?? Promise.resolve(),
  };
}
