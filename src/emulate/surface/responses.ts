/** `/v1/responses` as OpenAI writes it: one item of text, or one call of a function. Nothing is stored. */

import { badRequest } from "../http/call.ts";
import type { Answer } from "../text/write-answer.ts";
import { forcedTool, readAsk, textOf, toolsText } from "./ask.ts";
import type { Dialect, Done } from "./dialect.ts";

export const responses: Dialect = {
  errors: "openai",
  contentType: "text/event-stream; charset=utf-8",
  read: (request, body) => {
    const { input, instructions, tools, tool_choice: choice } = body;
    if (typeof input !== "string" && !Array.isArray(input))
      return badRequest("input: expected text or a list of items", "input");
    const prompt = toolsText(tools) + textOf(instructions) + textOf(input);
    return readAsk(request, body, [prompt], ["max_output_tokens"], forcedTool(tools, choice));
  },
  render: ({ model, tool }, { id, createdS }) => {
    const itemId = `${tool === undefined ? "msg" : "fc"}_${id}`;
    const place = `"item_id":"${itemId}","output_index":0`;
    const item = (status: string, text: string | undefined): string =>
      tool === undefined
        ? `{"type":"message","id":"${itemId}","status":"${status}","role":"assistant","content":[${text === undefined ? "" : part(text)}]}`
        : `{"type":"function_call","id":"${itemId}","call_id":"call_${id}","name":${JSON.stringify(tool)},"arguments":"${text ?? ""}","status":"${status}"}`;
    const whole = (status: string, output: string, usage: string, incomplete = "null"): string =>
      `{"id":"resp_${id}","object":"response","created_at":${createdS},"status":"${status}","error":null,` +
      `"incomplete_details":${incomplete},"instructions":null,"metadata":{},"model":${JSON.stringify(model)},` +
      `"output":[${output}],"parallel_tool_calls":true,"temperature":1,"tool_choice":"auto","tools":[],"top_p":1,"usage":${usage}}`;
    const finished = (done: Done): { readonly status: string; readonly response: string } => {
      const [answer] = done.answers;
      const cut = answer?.finish === "length";
      const status = cut ? "incomplete" : "completed";
      const why = cut ? '{"reason":"max_output_tokens"}' : "null";
      return { status, response: whole(status, item(status, textIn(answer)), toUsage(done), why) };
    };
    let sequence = 0;
    const event = (type: string, fields: string): string =>
      `event: ${type}\ndata: {"type":"${type}","sequence_number":${sequence++},${fields}}\n\n`;
    const deltas = tool === undefined ? "response.output_text" : "response.function_call_arguments";
    const content = tool === undefined ? `${place},"content_index":0` : place;
    return {
      opening: () => {
        const begun = whole("in_progress", "", "null");
        return (
          event("response.created", `"response":${begun}`) +
          event("response.in_progress", `"response":${begun}`) +
          event("response.output_item.added", `"output_index":0,"item":${item("in_progress", undefined)}`) +
          (tool === undefined ? event("response.content_part.added", `${content},"part":${part("")}`) : "")
        );
      },
      piece: (_, text) =>
        event(`${deltas}.delta`, `${content},"delta":"${text}"${tool === undefined ? ',"logprobs":[]' : ""}`),
      closing: (done) => {
        const text = textIn(done.answers[0]);
        const { status, response } = finished(done);
        const ended =
          tool === undefined
            ? event(`${deltas}.done`, `${content},"text":"${text}","logprobs":[]`) +
              event("response.content_part.done", `${content},"part":${part(text)}`)
            : event(`${deltas}.done`, `${content},"arguments":"${text}"`);
        return (
          ended +
          event("response.output_item.done", `"output_index":0,"item":${item(status, text)}`) +
          event(`response.${status}`, `"response":${response}`)
        );
      },
      whole: (done) => finished(done).response,
    };
  },
};

function part(text: string): string {
  return `{"type":"output_text","text":"${text}","annotations":[],"logprobs":[]}`;
}

function textIn(answer: Answer | undefined): string {
  return answer?.text ?? "";
}

function toUsage({ promptTokens, cachedTokens, outputTokens }: Done): string {
  return (
    `{"input_tokens":${promptTokens},"input_tokens_details":{"cached_tokens":${cachedTokens}},` +
    `"output_tokens":${outputTokens},"output_tokens_details":{"reasoning_tokens":0},"total_tokens":${promptTokens + outputTokens}}`
  );
}
