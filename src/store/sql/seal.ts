/**
 * Seals of a segment's blocks: each is a hash of its block's lines and of the seal before, and the segment keeps the last, so that a
 * block that is lost, torn, changed or out of its place is seen.
 */

import { createHash } from "node:crypto";

export function firstSeal(epoch: number, createdMs: number): string {
  return sealOf("", `${epoch} ${createdMs}`);
}

export function sealOf(before: string, lines: string): string {
  return createHash("sha256").update(before).update(lines).digest("hex");
}
