/**
 * Prompts as text. A segment is a message: equal keys give equal words, so that what prompts share in a workload they share on the
 * wire, and what an earlier call wrote is repeated as it was answered. A word is a token: three letters and a blank.
 */

import type { Segment, StageId } from "../model/workflow.ts";
import { createRng } from "../random/rng.ts";

export type Message = { readonly role: "system" | "user" | "assistant"; readonly content: string };

export type PromptWriter = {
  /** `answerOf`: what an earlier stage of the workflow wrote; `own` names the text that nobody shares. */
  readonly write: (prompt: readonly Segment[], own: string, answerOf: (stage: StageId) => string) => readonly Message[];
};

/** Texts that are kept for the prompts that repeat them. */
const mostKept = 512;

const words = (
  "act add aid aim air all and any arm art ask bad bag bar bed big bit box bus but buy can car cat cut day dig dog dry ear eat " +
  "end eye far few fit fix fly fog fun gap get gum hat her hot how ice ink jar job joy key lab law leg let lid log lot low man " +
  "map may mix mud net new nod not now oak odd oil old one our out own pan pay pen pie pin pop pot put ran raw red rim row run " +
  "sad say sea see set shy sir sit six sky son sum sun tag tap tea ten the tie tin tip toe too top toy try two use van war was " +
  "wax way web wet who why win yes yet you zip"
).split(" ");

/** So many tokens of text that follow from the key alone. A shorter text of the same key is the beginning of a longer one. */
export function writeText(key: string, tokens: number): string {
  const rng = createRng(0, key);
  let text = "";
  for (let token = 0; token < tokens; token++) text += `${words[rng.below(words.length)]} `;
  return text;
}

export function createPromptWriter(): PromptWriter {
  const kept = new Map<string, string>();
  const textOf = (key: string, tokens: number): string => {
    const name = `${key} ${tokens}`;
    const known = kept.get(name);
    if (known !== undefined) return known;
    const text = writeText(key, tokens);
    const [oldest] = kept.keys();
    if (kept.size >= mostKept && oldest !== undefined) kept.delete(oldest);
    kept.set(name, text);
    return text;
  };
  return {
    write: (prompt, own, answerOf) => {
      const messages = prompt.map((segment, index): Message => {
        if (segment.kind === "output") return { role: "assistant", content: answerOf(segment.stage) };
        if (segment.kind === "own") return { role: "user", content: writeText(own, segment.tokens) };
        return { role: index === 0 ? "system" : "user", content: textOf(segment.key, segment.tokens) };
      });
      return messages.length > 0 ? messages : [{ role: "user", content: writeText(own, 1) }];
    },
  };
}
