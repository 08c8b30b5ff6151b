/**
 * A vocabulary into which any text can be split: 256 bytes for whatever has no piece of its own, each printable character,
 * and syllables of a consonant and a vowel, alone and with a space before them. English takes three tokens for four characters.
 *
 * Answers are made of syllables alone. No two of them can be read in another way when they stand side by side, so an answer
 * that comes back in the next prompt is split into the very tokens it was made of, and its KV serves again.
 */

export type Piece = {
  readonly text: string;
  /** The tokenizer merges the pair of the highest score first. */
  readonly score: number;
  readonly kind: PieceKind;
};

export type PieceKind = "normal" | "unknown" | "control" | "byte";

export const unknownId = 0;
export const beginId = 1;
export const endId = 2;

/** How SentencePiece writes a space. */
const space = "\u2581";
const syllables = Array.from("bcdfghjklmnpqrstvwxyz").flatMap((consonant) =>
  Array.from("aeiou", (vowel) => consonant + vowel),
);

export const vocabulary: readonly Piece[] = [
  { text: "<unk>", score: 0, kind: "unknown" },
  { text: "<s>", score: 0, kind: "control" },
  { text: "</s>", score: 0, kind: "control" },
  ...Array.from({ length: 256 }, (_, byte): Piece => {
    return { text: `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`, score: 0, kind: "byte" };
  }),
  ...toPieces([space, ...listPrintable()], -300),
  ...toPieces(syllables, -100),
  ...toPieces(
    syllables.map((syllable) => space + syllable),
    -200,
  ),
];

export const vocabularySize = vocabulary.length;

/** Whether a model may answer with it: so that answers are readable, and end at their limit and not before. */
export function isSpoken(id: number): boolean {
  return id >= vocabularySize - 2 * syllables.length;
}

/** Scores fall along the list, so that which pair goes first is never left open. */
function toPieces(texts: readonly string[], highest: number): readonly Piece[] {
  return texts.map((text, index) => ({ text, score: highest - index / 1000, kind: "normal" }));
}

function listPrintable(): readonly string[] {
  return Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
}
