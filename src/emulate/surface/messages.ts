/** `/v1/messages` as Anthropic writes it. */

import { badRequest, isRecord } from "../http/call.ts";
import type { Answer } from "../text/write-answer.ts";
import { forcedTool, readAsk, textOf, toolsText } from "./ask.ts";
import type { Dialect } from "./dialect.ts";

export const messages: Dialect = {
  errors: "anthropic",
  contentType: "text/event-stream; charset=utf-8",
  read: (request, body) => {
    const { messages: turns, system, tools, tool_choice: choice } = body;
    if (!Array.isArray(turns) || turns.length === 0 || !turns.every(isRecord))
      return badRequest("messages: expected a list of at least one message", "messages");
    if (body["max_tokens"] === undefined) return badRequest("max_tokens: expected a whole number", "max_tokens");
    const prompt = toolsText(tools) + textOf(system) + textOf(turns);
    return readAsk(request, body, [prompt], ["max_tokens"], forcedTool(tools, choice));
  },
  render: ({ model, tool }, { id, promptTokens }) => {
    const head = `{"id":"msg_${id}","type":"message","role":"assistant","model":${JSON.stringify(model)},`;
    const toolHead = `{"type":"tool_use","id":"toolu_${id}","name":${JSON.stringify(tool ?? "")},"input":{}}`;
    const usage = (cachedTokens: number, outputTokens: number): string =>
      `{"input_tokens":${promptTokens - cachedTokens},"cache_creation_input_tokens":0,` +
      `"cache_read_input_tokens":${cachedTokens},"output_tokens":${outputTokens}}`;
    const block = tool === undefined ? '{"type":"text","text":""}' : toolHead;
    return {
      opening: (cachedTokens) =>
        event(
          "message_start",
          `"message":${head}"content":[],"stop_reason":null,"stop_sequence":null,"usage":${usage(cachedTokens, 1)}}`,
        ) + event("content_block_start", `"index":0,"content_block":${block}`),
      piece: (_, text) => {
        const delta =
          tool === undefined
            ? `"type":"text_delta","text":"${text}"`
            : `"type":"input_json_delta","partial_json":"${text}"`;
        return event("content_block_delta", `"index":0,"delta":{${delta}}`);
      },
      closing: ({ answers, outputTokens }) =>
        event("content_block_stop", '"index":0') +
        event("message_delta", `"delta":{${toStop(answers[0])}},"usage":{"output_tokens":${outputTokens}}`) +
        event("message_stop", ""),
      whole: ({ answers, cachedTokens, outputTokens }) => {
        const content = tool === undefined ? `{"type":"text","text":"${answers[0]?.text ?? ""}"}` : toolHead;
        return `${head}"content":[${content}],${toStop(answers[0])},"usage":${usage(cachedTokens, outputTokens)}}`;
      },
    };
  },
};

function event(name: string, fields: string): string {
  return `event: ${name}\ndata: {"type":"${name}"${fields === "" ? "" : `,${fields}`}}\n\n`;
}

function toStop(answer: Answer | undefined): string {
  const stopped = answer?.stopped;
  const reasons = {
    stop: stopped === undefined ? "end_turn" : "stop_sequence",
    length: "max_tokens",
    tool: "tool_use",
  };
  return `"stop_reason":"${reasons[answer?.finish ?? "stop"]}","stop_sequence":${JSON.stringify(stopped ?? null)}`;
}
