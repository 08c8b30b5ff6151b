/** `/v1/chat/completions` as OpenAI writes it. */

import { badRequest, isRecord } from "../http/call.ts";
import { forcedTool, readAsk, textOf, toolsText } from "./ask.ts";
import { toKvParams, toUsage, type Dialect } from "./dialect.ts";

export const chat: Dialect = {
  errors: "openai",
  contentType: "text/event-stream; charset=utf-8",
  read: (request, body) => {
    const { messages, tools, tool_choice: choice } = body;
    if (!Array.isArray(messages) || messages.length === 0 || !messages.every(isRecord))
      return badRequest("messages: expected a list of at least one message", "messages");
    const prompt = toolsText(tools) + textOf(messages);
    return readAsk(request, body, [prompt], ["max_completion_tokens", "max_tokens"], forcedTool(tools, choice));
  },
  render: (ask, { id, createdS }) => {
    const head = (object: string): string =>
      `{"id":"chatcmpl-${id}","object":"${object}","created":${createdS},"model":${JSON.stringify(ask.model)},`;
    const chunk = head("chat.completion.chunk");
    const begun = `data: ${chunk}"choices":[{"index":`;
    const callId = `call_${id}`;
    const tool = ask.tool === undefined ? undefined : JSON.stringify(ask.tool);
    return {
      opening: () => {
        let text = "";
        for (let choice = 0; choice < ask.choices; choice++) {
          const called =
            tool === undefined
              ? `"content":""`
              : `"content":null,"tool_calls":[{"index":0,"id":"${callId}-${choice}","type":"function","function":{"name":${tool},"arguments":""}}]`;
          text += `${begun}${choice},"delta":{"role":"assistant",${called}},"logprobs":null,"finish_reason":null}]}\n\n`;
        }
        return text;
      },
      piece: (choice, text) => {
        const delta =
          tool === undefined ? `"content":"${text}"` : `"tool_calls":[{"index":0,"function":{"arguments":"${text}"}}]`;
        return `${begun}${choice},"delta":{${delta}},"logprobs":null,"finish_reason":null}]}\n\n`;
      },
      closing: (done) => {
        let text = "";
        for (const [choice, answer] of done.answers.entries())
          text += `${begun}${choice},"delta":{},"logprobs":null,"finish_reason":"${finish(answer.finish)}"}]}\n\n`;
        if (ask.usageInStream) text += `data: ${chunk}"choices":[],"usage":${toUsage(done)}}\n\n`;
        return `${text}data: [DONE]\n\n`;
      },
      whole: (done) => {
        const choices = done.answers.map((answer, choice) => {
          const content =
            tool === undefined
              ? `"content":"${answer.text}"`
              : `"content":null,"tool_calls":[{"id":"${callId}-${choice}","type":"function","function":{"name":${tool},"arguments":"{}"}}]`;
          return `{"index":${choice},"message":{"role":"assistant",${content}},"logprobs":null,"finish_reason":"${finish(answer.finish)}"}`;
        });
        return `${head("chat.completion")}"choices":[${choices.join(",")}],"usage":${toUsage(done)}${toKvParams(done)}}`;
      },
    };
  },
};

function finish(reason: string): string {
  return reason === "tool" ? "tool_calls" : reason;
}
