/** Keeps the block index in step with one engine, as its configuration says where to listen. */

import type { EngineId } from "../../model/cluster.ts";
import type { ModelId } from "../../model/model.ts";
import { parseTcpEndpoint } from "../../wire/zmtp-endpoint.ts";
import type { KvEventsConfig } from "../config/config.ts";
import type { BlockIndex } from "./block-index.ts";
import { follow, type Follower } from "./follow.ts";
import type { FollowOptions } from "./follow-options.ts";

export type FollowEngineOptions = Pick<FollowOptions, "onState" | "limits" | "backoffMs" | "heartbeatMs" | "wait"> & {
  readonly engine: EngineId;
  /** The one that the engine serves: its events do not say. */
  readonly model: ModelId;
  readonly config: KvEventsConfig;
  readonly index: BlockIndex;
};

export type Following =
  | { readonly kind: "following"; readonly follower: Follower }
  | { readonly kind: "fault"; readonly reason: string };

export function followEngine({ engine, model, config, index, ...rest }: FollowEngineOptions): Following {
  const address = parseTcpEndpoint(config.endpoint);
  if (address === undefined) return { kind: "fault", reason: toReason(config.endpoint) };
  const replay = config.replay === undefined ? undefined : parseTcpEndpoint(config.replay);
  if (config.replay !== undefined && replay === undefined) return { kind: "fault", reason: toReason(config.replay) };
  const follower = follow({
    ...rest,
    address,
    ...(replay === undefined ? {} : { replay }),
    topic: config.topic,
    onEvent: (event) => index.apply(engine, model, event),
    onRestart: () => index.clear(engine, model),
    onForget: () => index.forget(engine, model),
  });
  return { kind: "following", follower };
}

function toReason(endpoint: string): string {
  return `found the endpoint ${JSON.stringify(endpoint)}, expected one such as tcp://127.0.0.1:5557`;
}
