import fc from "fast-check";
import { expect, test } from "vitest";
import { createTextStream } from "../../src/llama/text-stream.ts";

/** A token a byte. */
const model = { detokenize: (tokens: readonly number[]) => Buffer.from(tokens).toString("utf8") };

function stream(
  text: string,
  stops: readonly string[] = [],
): { readonly written: string[]; readonly stopped: boolean } {
  const written: string[] = [];
  const texts = createTextStream(model, stops, (piece) => void written.push(piece));
  for (const byte of Buffer.from(text)) {
    texts.push(byte);
    if (texts.stopped()) break;
  }
  texts.end();
  return { written, stopped: texts.stopped() };
}

test("a character of several tokens comes whole", () => {
  expect(stream("a\u2603\u{1f600}b").written).toEqual(["a", "\u2603", "\u{1f600}", "b"]);
});

test("what is half at the end comes as it is", () => {
  const written: string[] = [];
  const texts = createTextStream(model, [], (piece) => void written.push(piece));
  for (const byte of [0x61, 0xe2, 0x98]) texts.push(byte);
  texts.end();
  expect(written).toEqual(["a", "\ufffd"]);
});

test("what could begin a stop text is kept back until it does not", () => {
  expect(stream("one sto two", ["stop"]).written.join("")).toBe("one sto two");
  expect(stream("one stop two", ["stop"])).toEqual({ written: ["o", "n", "e", " "], stopped: true });
});

test("any text, any stops: all before the first stop to be complete is written, and nothing else", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "\u2603", "\u{1f600}"), maxLength: 20 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\u2603"), minLength: 1, maxLength: 3 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(letters, stops, (text, given) => {
      const { written, stopped } = stream(text, given);
      // The first stop to be complete; of several that are so at once, the one that begins first.
      const ends = Array.from({ length: text.length + 1 }, (_, end) => text.slice(0, end));
      const begun = ends.find((start) => given.some((stop) => start.endsWith(stop)));
      const at = begun === undefined ? text.length : Math.min(...given.map((stop) => indexIn(begun, stop)));
      expect(written.join("")).toBe(text.slice(0, at));
      expect(stopped).toBe(begun !== undefined);
    }),
    { numRuns: 200 },
  );
});

function indexIn(text: string, stop: string): number {
  const at = text.indexOf(stop);
  return at === -1 ? Number.POSITIVE_INFINITY : at;
}
