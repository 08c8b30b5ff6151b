/** A request's body as an object, bounded. */

import type { IncomingMessage } from "node:http";
import { badRequest, isRecord, type ApiError, type Body } from "./call.ts";

const mostBytes = 64 * 2 ** 20;

/** An empty body is an empty object. */
export async function readBody(request: IncomingMessage): Promise<{ readonly body: Body } | ApiError> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBytes) return { ...badRequest(`The body is larger than ${mostBytes} bytes.`), status: 413 };
    chunks.push(chunk);
  }
  if (bytes === 0) return { body: {} };
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks, bytes).toString());
    return isRecord(value) ? { body: value } : badRequest("The body must be a JSON object.");
  } catch {
    return badRequest("The body is not JSON.");
  }
}
