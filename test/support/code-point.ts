/** Any character there is, as a unit of random strings. The one that fast-check calls "binary" lists all of them first, which takes a second. */

import fc from "fast-check";

const surrogates = { from: 0xd800, count: 0x800 } as const;

export const codePoint: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10ffff - surrogates.count })
  .map((number) => String.fromCodePoint(number < surrogates.from ? number : number + surrogates.count));
