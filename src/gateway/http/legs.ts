/** What the two legs of a call over a prefill/decode pair carry, whichever way the engines hand over. */

import type { Adapter } from "../adapter/adapter.ts";
import { canHandOff, toBootstrapBody, toNixlDecode, toNixlPrefill, type NixlDecode } from "../adapter/hand-off.ts";

/** What the second leg needs of the first. */
export type HandOffTicket =
  | { readonly kind: "nixl"; readonly answer: Uint8Array | undefined }
  /** The same body for both. */
  | { readonly kind: "bootstrap"; readonly body: Uint8Array };

export type FirstLeg = { readonly body: Uint8Array; readonly ticket: HandOffTicket };

/** `bootstrapPort`: where the prefill engine is met. Undefined: one engine must take the whole call. */
export function toFirstLeg(
  body: Uint8Array,
  prefill: Adapter,
  model: string,
  { bootstrapPort, draw }: { readonly bootstrapPort: number | undefined; readonly draw: () => number },
): FirstLeg | undefined {
  const handOff = prefill.abilities.handOff === "bootstrap" ? "bootstrap" : "nixl";
  if (!canHandOff(body, handOff)) return undefined;
  if (handOff === "nixl") return { body: toNixlPrefill(body), ticket: { kind: "nixl", answer: undefined } };
  const host = new URL(prefill.upstream(model).origin).hostname;
  const port = bootstrapPort === undefined ? {} : { port: bootstrapPort };
  const both = toBootstrapBody(body, { host, draw, ...port });
  return { body: both, ticket: { kind: "bootstrap", body: both } };
}

/** The second leg, and what the first has said of it. */
export type SecondLeg = Pick<NixlDecode, "body" | "cachedTokens">;

/** Throws if the first leg's answer is no JSON. */
export function toSecondLeg(body: Uint8Array, ticket: HandOffTicket): SecondLeg {
  if (ticket.kind === "bootstrap") return { body: ticket.body };
  if (ticket.answer === undefined) return { body };
  const { body: second, handedOver, cachedTokens } = toNixlDecode(body, ticket.answer);
  // What was not handed over is taken in anew, and only that engine knows how much of it was cached there.
  return handedOver && cachedTokens !== undefined ? { body: second, cachedTokens } : { body: second };
}
