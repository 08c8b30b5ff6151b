/** What the generator sends and the mock server answers, byte by byte, so that either can be compared with what arrived. */

/** Between two chunks of a stream. */
export const beatMs = 50;
export const model = "bench";

const json = (body: string): Buffer =>
  Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`);

const prose =
  "The plan has three steps. First the tables are read and checked against each other. Then each difference is explained " +
  "by the change that caused it, with its date. Last the explanations are put in order, so that a reader finds what matters.";

/** An answer as a server gives it that is asked for no stream: some 600 bytes. */
export const answer = json(
  JSON.stringify({
    id: "chatcmpl-benchmark-0001",
    object: "chat.completion",
    created: 1_790_000_000,
    model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: prose, refusal: null },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: {
      prompt_tokens: 412,
      completion_tokens: 48,
      total_tokens: 460,
      prompt_tokens_details: { cached_tokens: 0 },
    },
    system_fingerprint: "fp_bench",
  }),
);

export const models = json(
  JSON.stringify({ object: "list", data: [{ id: model, object: "model", created: 1_790_000_000, owned_by: "bench" }] }),
);

const streamHead =
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";

/** What a stream says, event by event: its seed and the number of the event, so that no two streams say the same. */
export function streamEvents(seed: number, count: number): readonly string[] {
  const events = Array.from({ length: count }, (_, index) => event(`{"content":"${seed}:${index} "}`, "null"));
  return [...events, event("{}", '"stop"'), "data: [DONE]\n\n"];
}

function event(delta: string, finish: string): string {
  const choices = `[{"index":0,"delta":${delta},"finish_reason":${finish}}]`;
  return `data: {"id":"chatcmpl-benchmark","object":"chat.completion.chunk","created":1790000000,"model":"${model}","choices":${choices}}\n\n`;
}

/** The same as writes to a socket: one a beat, the last two together. With usage if the request asks for it. */
export function streamChunks(body: string): readonly Buffer[] {
  const seed = Number(/"seed":(\d+)/.exec(body)?.[1]);
  const count = Number(/"max_tokens":(\d+)/.exec(body)?.[1]);
  const events = streamEvents(seed, count);
  const pieces = events.slice(0, -1).map(chunk);
  const usage = `data: {"id":"chatcmpl-benchmark","object":"chat.completion.chunk","created":1790000000,"model":"${model}","choices":[],"usage":{"prompt_tokens":412,"completion_tokens":${count},"total_tokens":${412 + count}}}\n\n`;
  const end = `${body.includes('"include_usage":true') ? chunk(usage) : ""}${chunk("data: [DONE]\n\n")}0\r\n\r\n`;
  pieces[0] = `${streamHead}${pieces[0]}`;
  return [...pieces, end].map((piece) => Buffer.from(piece));
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}

/** Calls of one workflow one after another, before the connection begins the next. */
const callsPerWorkflow = 10;

/** Requests of one connection. Each is written over the one before: same length, other numbers. */
export type Requests = { readonly next: () => Buffer };

export type RequestShape = {
  readonly headers: Readonly<Record<string, string>>;
  readonly promptBytes: number;
  /** Part of the ids of workflows, so that none goes on in a later run. */
  readonly run: number;
  /** Chunks to be streamed; absent: a whole answer. */
  readonly chunks?: number;
};

/** A system prompt that all share, and a question with the number of its workflow and call. */
export function createRequests(connection: number, { headers, promptBytes, run, chunks }: RequestShape): Requests {
  const marks = { flow: "F".repeat(12), call: "C".repeat(4), final: "LAST?" };
  const filler = "Answer in the words of the report, and name the table that each figure comes from. ";
  const system = filler
    .repeat(Math.ceil((promptBytes * 0.75) / filler.length))
    .slice(0, Math.floor(promptBytes * 0.75));
  const question = filler.repeat(Math.ceil(promptBytes / filler.length)).slice(0, promptBytes - system.length);
  const options = chunks === undefined ? "" : `"stream":true,"max_tokens":${chunks},"seed":${connection},`;
  const messages = [
    { role: "system", content: system },
    { role: "user", content: `Workflow ${marks.flow}, step ${marks.call}. ${question}` },
  ];
  const body = `{"model":"${model}",${options}"messages":${JSON.stringify(messages)}}`;
  const lines = Object.entries({ ...headers, "x-workflow-id": `bench-${marks.flow}`, "x-workflow-final": marks.final });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const request = Buffer.from(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: Bearer bench\r\n` +
      `${head}content-length: ${body.length}\r\n\r\n${body}`,
    "latin1",
  );
  const places = (mark: string): number[] => {
    const found: number[] = [];
    for (let at = request.indexOf(mark); at !== -1; at = request.indexOf(mark, at + 1)) found.push(at);
    return found;
  };
  const at = { flow: places(marks.flow), call: places(marks.call), final: places(marks.final)[0] as number };
  let sent = 0;
  const next = (): Buffer => {
    const call = sent % callsPerWorkflow;
    const flow = `${digits(run, 3)}${digits(connection, 4)}${digits(Math.floor(sent / callsPerWorkflow), 5)}`;
    sent += 1;
    for (const place of at.flow) request.write(flow, place, "latin1");
    for (const place of at.call) request.write(digits(call, 4), place, "latin1");
    request.write(call === callsPerWorkflow - 1 ? "true " : "false", at.final, "latin1");
    return request;
  };
  return { next };
}

function digits(number: number, count: number): string {
  return String(number % 10 ** count).padStart(count, "0");
}
