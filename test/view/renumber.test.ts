import fc from "fast-check";
import { expect, test } from "vitest";
import { createRenumber } from "../../src/view/renumber.ts";

const lines = [
  '{"kind":"journal","version":1}',
  '{"atUs":0,"sequence":91,"kind":"workflow-arrive","workflow":"{\\"atUs\\":1,\\"sequence\\":7"}',
  '{"atUs":12,"sequence":92,"kind":"plan","ready":1,"decisions":1}',
  '{"atUs":12,"sequence":140,"kind":"plan","ready":1,"decisions":1}',
];

test("records are counted from 1, wherever the text is cut, and nothing else is changed", () => {
  const text = lines.map((line) => `${line}\n`).join("");
  const wanted = text.replace("91", "1").replace('"sequence":92', '"sequence":2').replace("140", "3");
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: text.length }), { maxLength: 12 }), (cuts) => {
      const at = [0, ...cuts.sort((left, right) => left - right), text.length];
      const renumber = createRenumber();
      const pieces = at.slice(1).map((end, index) => renumber(text.slice(at[index], end)));
      expect(pieces.join("")).toBe(wanted);
      for (const piece of pieces) expect(piece === "" || piece.endsWith("\n")).toBe(true);
    }),
    { numRuns: 100 },
  );
});
