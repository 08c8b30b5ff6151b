/** What `GET /models` of llama.cpp's server says: a router tells of each model how it stands, a server of one model does not. */

import { array, boolean, integer, openObject, optional, text } from "../../trace/shape.ts";
import type { Server } from "./server.ts";

export type RoutedModel = {
  readonly name: string;
  /** `unloaded`, `loading`, `loaded`, `sleeping`, `downloading`; older versions `failed`. */
  readonly status: string;
  /** It ended by itself, and how. */
  readonly failed: boolean;
  readonly exitCode?: number;
};

export type Listing =
  | { readonly kind: "single"; readonly names: readonly string[] }
  | { readonly kind: "router"; readonly models: readonly RoutedModel[] };

const statusShape = openObject({
  value: text({ max: 100 }),
  failed: optional(boolean()),
  exit_code: optional(integer({ min: -(2 ** 31), max: 2 ** 32 })),
});
const listShape = openObject({
  data: array(openObject({ id: text({ max: 500 }), status: optional(statusShape) }), { max: 10_000 }),
});

export async function listRouted(server: Server, signal: AbortSignal): Promise<Listing> {
  const { data } = await server.json({ method: "GET", path: "/models" }, listShape, signal);
  // A server of one model always lists it.
  if (data.length > 0 && data.every(({ status }) => status === undefined))
    return { kind: "single", names: data.map(({ id }) => id) };
  const models = data.flatMap(({ id, status }): RoutedModel[] => {
    if (status === undefined) return [];
    const failed = status.failed === true || status.value === "failed";
    return [
      {
        name: id,
        status: status.value,
        failed,
        ...(status.exit_code === undefined ? {} : { exitCode: status.exit_code }),
      },
    ];
  });
  return { kind: "router", models };
}
