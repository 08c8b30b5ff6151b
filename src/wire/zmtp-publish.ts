/** A PUB socket: every subscriber gets the messages that begin with what it asked for, as far as it keeps up. */

import type { Message } from "./zmtp.ts";
import type { ZmtpConnection } from "./zmtp-connection.ts";
import { listen, type ListenOptions, type ZmtpServer } from "./zmtp-server.ts";

export type PublisherOptions = ListenOptions & {
  /** Messages that wait for a slow subscriber; those beyond are dropped. */
  readonly highWaterMark?: number;
  /** A subscriber may ask for so many prefixes. */
  readonly maxTopics?: number;
  readonly onSubscribe?: (topic: Uint8Array) => void;
};

export type Publisher = ZmtpServer & {
  readonly send: (frames: Message) => void;
  readonly subscribers: number;
  /** Messages that did not go to a subscriber who wanted them. */
  readonly dropped: number;
};

/** `waiting` is empty unless the connection is full. */
type Subscriber = { readonly connection: ZmtpConnection; readonly topics: Map<string, number>; waiting: Message[] };

const defaultHighWaterMark = 1000;
const defaultMaxTopics = 256;

export async function createPublisher(options: PublisherOptions): Promise<Publisher> {
  const subscribers = new Set<Subscriber>();
  const highWaterMark = options.highWaterMark ?? defaultHighWaterMark;
  let dropped = 0;
  const server = await listen(options, (connection) => {
    let subscriber: Subscriber | undefined;
    return {
      socketType: "PUB",
      peers: ["SUB", "XSUB"],
      onReady: () => {
        subscriber = { connection: connection(), topics: new Map(), waiting: [] };
        subscribers.add(subscriber);
      },
      onMessage: ([first]) => subscriber && subscribeByMessage(subscriber, first ?? new Uint8Array(), options),
      onCommand: ({ name, data }) => {
        if (subscriber === undefined) return;
        if (name === "SUBSCRIBE") addTopic(subscriber, data, options);
        else if (name === "CANCEL") removeTopic(subscriber, data);
      },
      onDrain: () => subscriber && sendWaiting(subscriber),
      onClose: () => subscriber && subscribers.delete(subscriber),
    };
  });
  return {
    ...server,
    get subscribers() {
      return subscribers.size;
    },
    get dropped() {
      return dropped;
    },
    send: (frames) => {
      for (const subscriber of subscribers) {
        if (!wants(subscriber, frames)) continue;
        const { connection, waiting } = subscriber;
        if (waiting.length === 0 && !connection.full) connection.send(frames);
        else if (waiting.length < highWaterMark) waiting.push(frames);
        else dropped += 1;
      }
    },
  };
}

/** Up to ZMTP 3.0: 1 and the topic subscribes, 0 and the topic takes it back. */
function subscribeByMessage(subscriber: Subscriber, frame: Uint8Array, options: PublisherOptions): void {
  if (frame[0] === 1) addTopic(subscriber, frame.subarray(1), options);
  else if (frame[0] === 0) removeTopic(subscriber, frame.subarray(1));
}

function addTopic({ connection, topics }: Subscriber, topic: Uint8Array, options: PublisherOptions): void {
  const key = toKey(topic);
  const times = topics.get(key) ?? 0;
  if (times === 0 && topics.size === (options.maxTopics ?? defaultMaxTopics)) connection.close("too many topics");
  topics.set(key, times + 1);
  options.onSubscribe?.(topic);
}

function removeTopic({ topics }: Subscriber, topic: Uint8Array): void {
  const key = toKey(topic);
  const times = topics.get(key) ?? 0;
  if (times > 1) topics.set(key, times - 1);
  else topics.delete(key);
}

function wants({ topics }: Subscriber, [topic]: Message): boolean {
  const key = toKey(topic ?? new Uint8Array());
  for (const prefix of topics.keys()) if (key.startsWith(prefix)) return true;
  return false;
}

function sendWaiting(subscriber: Subscriber): void {
  let sent = 0;
  for (const frames of subscriber.waiting) {
    if (subscriber.connection.full) break;
    subscriber.connection.send(frames);
    sent += 1;
  }
  subscriber.waiting = subscriber.waiting.slice(sent);
}

function toKey(topic: Uint8Array): string {
  return Buffer.from(topic.buffer, topic.byteOffset, topic.byteLength).toString("latin1");
}
