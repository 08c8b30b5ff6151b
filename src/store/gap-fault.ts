/** What a block that does not follow the last one of its segment is answered with: a journal with a hole cannot be read. */

import { StoreFault } from "./store.ts";

export function gapFault(segment: number, found: number, expected: number): StoreFault {
  return new StoreFault("broken", `journal segment ${segment}: found block ${found}, expected block ${expected}`);
}
