/** Between two emulated engines: a decode engine asks a prefill engine for KV that it holds, and is given it once. */

import { request } from "undici";
import { isRecord, sendJson, type Call } from "../http/call.ts";

export type KvTicket = {
  /** `blocks:FIRST:COUNT` or `room:NUMBER`. */
  readonly key: string;
  /** Who must have it. */
  readonly engine?: unknown;
  /** Until it is there. */
  readonly wait?: boolean;
};

export type KvFound = { readonly promptHash: number; readonly tokens: number; readonly model: string };

/** How long a room may stay empty. */
const roomWaitUs = 30e6;
const answerMs = 40_000;
const mostAnswerBytes = 4096;

/** Undefined if there is none, or nobody there. Only this machine is asked. */
export async function fetchKv(
  call: Call,
  host: unknown,
  port: unknown,
  ticket: KvTicket,
): Promise<KvFound | undefined> {
  if (typeof host !== "string" || !/^(127(\.\d{1,3}){3}|localhost|::1|\[::1\])$/.test(host)) return undefined;
  if (!Number.isInteger(Number(port)) || Number(port) < 1 || Number(port) > 65_535) return undefined;
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  call.response.once("close", leave);
  try {
    const bare = host === "::1" ? "[::1]" : host;
    const { statusCode, body } = await request(`http://${bare}:${Number(port)}/fate/kv`, {
      method: "POST",
      body: JSON.stringify(ticket),
      headers: { "content-type": "application/json" },
      signal: gone.signal,
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
    });
    const text = await body.text();
    if (statusCode !== 200 || text.length > mostAnswerBytes) return undefined;
    return toFound(JSON.parse(text));
  } catch {
    // Whatever went wrong between the engines, the prompt can be taken in anew.
    return undefined;
  } finally {
    call.response.off("close", leave);
  }
}

function toFound(value: unknown): KvFound | undefined {
  if (!isRecord(value)) return undefined;
  const { promptHash, tokens, model } = value;
  if (typeof promptHash !== "number" || typeof tokens !== "number" || typeof model !== "string") return undefined;
  return { promptHash, tokens, model };
}

/** `POST /fate/kv`. */
export async function giveKv(call: Call): Promise<void> {
  const { engine, body } = call;
  const { key, wait, engine: wanted } = body;
  const missing = (): void => sendJson(call, 404, { error: { message: "no such KV is held here", type: "not_found" } });
  if (typeof key !== "string" || (wanted !== undefined && wanted !== engine.settings.id)) return missing();
  let hold = engine.batch().kv.holds.take(key, engine.batch().nowUs);
  if (hold === undefined && wait === true && key.startsWith("room:")) {
    await engine.rooms.wait(key.slice("room:".length), roomWaitUs);
    hold = engine.batch().kv.holds.take(key, engine.batch().nowUs);
  }
  if (hold === undefined) return missing();
  const { promptHash, tokens, model } = hold;
  sendJson(call, 200, { promptHash, tokens, model });
}
