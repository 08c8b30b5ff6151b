/** `GET /v1/models`, which every make answers in much the same way. */

import { array, openObject, text } from "../../trace/shape.ts";
import type { Server } from "./server.ts";

const listShape = openObject({ data: array(openObject({ id: text({ max: 500 }) }), { max: 10_000 }) });

/** The server's own names. */
export async function listModels(server: Server, signal: AbortSignal): Promise<readonly string[]> {
  const { data } = await server.json({ method: "GET", path: "/v1/models" }, listShape, signal);
  return data.map(({ id }) => id);
}
