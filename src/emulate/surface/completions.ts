/** `/v1/completions` as OpenAI writes it: one prompt or several, as text or as token ids. */

import { badRequest } from "../http/call.ts";
import { readAsk } from "./ask.ts";
import { toKvParams, toUsage, type Dialect } from "./dialect.ts";

export const completions: Dialect = {
  errors: "openai",
  contentType: "text/event-stream; charset=utf-8",
  read: (request, body) => {
    const prompts = toPrompts(body["prompt"]);
    if (prompts === undefined) return badRequest("prompt: expected text, token ids, or a list of either", "prompt");
    return readAsk(request, body, prompts, ["max_tokens"]);
  },
  render: (ask, { id, createdS }) => {
    const head = `{"id":"cmpl-${id}","object":"text_completion","created":${createdS},"model":${JSON.stringify(ask.model)},`;
    const begun = `data: ${head}"choices":[{"index":`;
    return {
      opening: () => "",
      piece: (choice, text) => `${begun}${choice},"text":"${text}","logprobs":null,"finish_reason":null}]}\n\n`,
      closing: (done) => {
        let text = "";
        for (const [choice, { finish }] of done.answers.entries())
          text += `${begun}${choice},"text":"","logprobs":null,"finish_reason":"${finish}"}]}\n\n`;
        if (ask.usageInStream) text += `data: ${head}"choices":[],"usage":${toUsage(done)}}\n\n`;
        return `${text}data: [DONE]\n\n`;
      },
      whole: (done) => {
        const choices = done.answers.map(
          ({ text, finish }, choice) =>
            `{"index":${choice},"text":"${text}","logprobs":null,"finish_reason":"${finish}"}`,
        );
        return `${head}"choices":[${choices.join(",")}],"usage":${toUsage(done)}${toKvParams(done)}}`;
      },
    };
  },
};

/** A token id is as long as a token of text. */
export function toPrompts(prompt: unknown): readonly (string | Buffer)[] | undefined {
  if (typeof prompt === "string") return [prompt];
  if (!Array.isArray(prompt) || prompt.length === 0) return undefined;
  const all = prompt as readonly unknown[];
  if (all.every((each) => typeof each === "number")) return [fromIds(all)];
  const prompts: (string | Buffer)[] = [];
  for (const each of all) {
    if (typeof each === "string") prompts.push(each);
    else if (Array.isArray(each) && each.every((id) => typeof id === "number")) prompts.push(fromIds(each));
    else return undefined;
  }
  return prompts;
}

function fromIds(ids: readonly number[]): Buffer {
  return Buffer.from(Uint32Array.from(ids).buffer);
}
