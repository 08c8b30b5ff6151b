/**
 * The two ways of splitting a call over two engines. Serial, as NIXL connectors do: the prefill leg's answer names blocks,
 * which the decode leg brings along. Concurrent, as SGLang does: both legs come at once and meet in a room.
 */

import type { ModelCosts } from "../../cost/cost-model.ts";
import { kvTransferUs } from "../../cost/transfer.ts";
import type { Engine } from "../engine.ts";
import { isRecord, type ApiError, type Body, type Call } from "../http/call.ts";
import type { Ask } from "../surface/ask.ts";
import type { Prompt } from "../text/tokens.ts";
import { fetchKv } from "./fetch-kv.ts";

export type Leg = {
  readonly phase: "whole" | "decode";
  /** Another engine writes the answer. */
  readonly onlyFirstToken: boolean;
  /** Holds the KV for the other engine; the answer is what to tell it. */
  readonly onEnd?: () => Readonly<Record<string, unknown>> | undefined;
};

/** What is not fetched this long, in virtual time, is given up. */
const holdUs = 480e6;

/** Undefined: a call like any other. A decode leg is prepared once its KV has arrived. */
export async function prepareLeg(
  call: Call,
  costs: ModelCosts,
  prompt: Prompt | undefined,
  ask: Ask,
): Promise<Leg | ApiError | undefined> {
  const { engine, body } = call;
  if (prompt === undefined || ask.prompts.length > 1 || ask.choices > 1) return undefined;
  const params = body["kv_transfer_params"];
  if (isRecord(params)) {
    if (params["do_remote_decode"] === true) return leaveBlocks(engine, costs, prompt);
    if (params["do_remote_prefill"] === true) return takeOver(call, costs, prompt, () => fetchBlocks(call, params));
    return undefined;
  }
  const room = roomOf(body);
  if (room === undefined || engine.settings.role === "both") return undefined;
  if (engine.settings.role === "prefill") return leaveInRoom(engine, costs, prompt, room);
  return joinRoom(call, costs, prompt, room);
}

function roomOf({ bootstrap_room: room }: Body): string | undefined {
  return typeof room === "number" || (typeof room === "string" && room.length < 100) ? String(room) : undefined;
}

function leaveBlocks(engine: Engine, costs: ModelCosts, prompt: Prompt): Leg {
  const first = engine.nextNumber() * 1_000_000;
  const blocks = Math.ceil(prompt.tokens / engine.settings.blockTokens);
  return {
    phase: "whole",
    onlyFirstToken: true,
    onEnd: () => {
      hold(engine, costs, prompt, `blocks:${first}:${blocks}`);
      const { host } = engine.settings;
      return {
        do_remote_prefill: true,
        do_remote_decode: false,
        remote_engine_id: engine.settings.id,
        remote_block_ids: Array.from({ length: blocks }, (_, index) => first + index),
        remote_host: host,
        remote_port: engine.port,
        tp_size: engine.settings.costs.engine.devices.length,
      };
    },
  };
}

function leaveInRoom(engine: Engine, costs: ModelCosts, prompt: Prompt, room: string): Leg {
  return {
    phase: "whole",
    onlyFirstToken: true,
    onEnd: () => {
      hold(engine, costs, prompt, `room:${room}`);
      engine.rooms.open(room);
      return undefined;
    },
  };
}

function hold(engine: Engine, { model }: ModelCosts, prompt: Prompt, key: string): void {
  const batch = engine.batch();
  const { tokens, hash } = prompt;
  batch.kv.holds.add({ key, model: model.id, tokens, promptHash: hash, untilUs: batch.nowUs + holdUs }, batch.nowUs);
  engine.totals.handOffsGiven++;
}

/** What a decode leg finds at the prefill engine: the transfer takes so long, or there is nothing that fits. */
type Fetched = { readonly promptHash: number; readonly tokens: number; readonly model: string };

async function fetchBlocks(call: Call, params: Body): Promise<Fetched | undefined> {
  const { remote_block_ids: ids, remote_host: host, remote_port: port, remote_engine_id: id } = params;
  if (!Array.isArray(ids) || ids.length === 0) return undefined;
  const whole = ids.every((block, index) => block === Number(ids[0]) + index);
  if (!whole) return undefined;
  return fetchKv(call, host, port, { key: `blocks:${String(ids[0])}:${ids.length}`, engine: id });
}

async function joinRoom(
  call: Call,
  costs: ModelCosts,
  prompt: Prompt,
  room: string,
): Promise<Leg | ApiError | undefined> {
  const { bootstrap_host: host, bootstrap_port: port } = call.body;
  const fetched = await fetchKv(call, host, port, { key: `room:${room}`, wait: true });
  if (fetched === undefined) {
    const message = `Nothing came into bootstrap room ${room}.`;
    return { status: 500, type: "server_error", message, code: "bootstrap_failed" };
  }
  return takeOver(call, costs, prompt, () => Promise.resolve(fetched));
}

/** Decodes from what was fetched, once it has travelled; takes the prompt in itself if that does not fit. */
async function takeOver(
  call: Call,
  costs: ModelCosts,
  prompt: Prompt,
  fetch: () => Promise<Fetched | undefined>,
): Promise<Leg | undefined> {
  const { engine } = call;
  const fetched = await fetch();
  const fits =
    fetched !== undefined &&
    fetched.promptHash === prompt.hash &&
    fetched.tokens === prompt.tokens &&
    fetched.model === costs.model.id;
  if (!fits) {
    engine.totals.recomputed++;
    return undefined;
  }
  engine.totals.handOffsTaken++;
  const travelUs = kvTransferUs(engine.settings.costs.host, costs.model.kvBytesPerToken, prompt.tokens);
  await new Promise<void>((resolve) => engine.pacer().act(() => engine.batch().after(travelUs, resolve)));
  return { phase: "decode", onlyFirstToken: false };
}
