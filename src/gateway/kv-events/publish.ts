/** The engine's side: publishes batches of events under growing sequence numbers and replays the latest of them on request. */

import { createPublisher } from "../../wire/zmtp-publish.ts";
import { createRouter, type RouterPeer } from "../../wire/zmtp-router.ts";
import type { Message } from "../../wire/zmtp.ts";
import { encodeBatch, type KvEncoding } from "./encode.ts";
import { encodeSequence, endSequence, parseSequence, type KvEvent } from "./event.ts";

export type KvPublisherOptions = {
  readonly host?: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Absent: nothing can be asked for again. */
  readonly replayPort?: number;
  readonly topic: string;
  readonly encoding: KvEncoding;
  /** Replayed answers name the topic, as vLLM's do since 2026-06. */
  readonly replaysTopic?: boolean;
  /** Batches kept for replay. */
  readonly bufferSteps?: number;
  readonly highWaterMark?: number;
  readonly onSubscribe?: () => void;
};

export type KvPublisher = AsyncDisposable & {
  readonly port: number;
  readonly replayPort: number | undefined;
  /** Batches that slow subscribers lost. */
  readonly dropped: number;
  /** `hold-back` keeps a batch for replay without sending it, as if it got lost on the way. */
  readonly publish: (events: readonly KvEvent[], atS: number, how?: "send" | "hold-back") => void;
};

const defaultBufferSteps = 10_000;
const defaultHighWaterMark = 100_000;
/** At a time; who asks beyond that gets no answer and may ask again. */
const mostReplays = 16;

export async function createKvPublisher(options: KvPublisherOptions): Promise<KvPublisher> {
  const { host = "127.0.0.1", topic, bufferSteps = defaultBufferSteps } = options;
  const topicBytes = Buffer.from(topic, "utf8");
  const head = options.replaysTopic === false ? [] : [topicBytes];
  const buffer = new Map<bigint, Uint8Array>();
  let sequence = 0n;
  let replaying = 0;
  await using opened = new AsyncDisposableStack();
  const publisher = opened.use(
    await createPublisher({
      host,
      port: options.port,
      highWaterMark: options.highWaterMark ?? defaultHighWaterMark,
      onSubscribe: () => options.onSubscribe?.(),
    }),
  );
  const { replayPort } = options;
  const router =
    replayPort === undefined
      ? undefined
      : await createRouter({
          host,
          port: replayPort,
          onMessage: (frames, peer) => {
            if (replaying === mostReplays) return;
            replaying += 1;
            void replay(frames, peer, buffer, head).finally(() => (replaying -= 1));
          },
        });
  if (router !== undefined) opened.use(router);
  const open = opened.move();
  return {
    port: publisher.port,
    replayPort: router?.port,
    get dropped() {
      return publisher.dropped;
    },
    publish: (events, atS, how = "send") => {
      const payload = encodeBatch({ atS, events, rank: 0 }, options.encoding);
      if (how === "send") publisher.send([topicBytes, encodeSequence(sequence), payload]);
      buffer.set(sequence, payload);
      if (buffer.size > bufferSteps) buffer.delete(sequence - BigInt(bufferSteps));
      sequence += 1n;
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** Answers `["", first sequence]` with every batch from there on, and the end. */
async function replay(
  [empty, start]: Message,
  peer: RouterPeer,
  buffer: ReadonlyMap<bigint, Uint8Array>,
  head: Message,
): Promise<void> {
  const first = parseSequence(start);
  if (empty?.length !== 0 || first === undefined) return;
  for (const [sequence, payload] of buffer) {
    if (sequence < first) continue;
    if (!(await peer.send([empty, ...head, encodeSequence(sequence), payload]))) return;
  }
  const noTopic = head.map(() => new Uint8Array());
  await peer.send([empty, ...noTopic, encodeSequence(endSequence), new Uint8Array()]);
}
