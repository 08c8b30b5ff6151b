import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "vitest";
import { createOtlpExporter, encodeSpans, type OtlpOptions, type OtlpSpan } from "../../src/wire/otlp.ts";

const span = (name: string): OtlpSpan => ({
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  name,
  kind: "server",
  startUnixUs: 1_700_000_000_123_456,
  endUnixUs: 1_700_000_000_123_999,
  attributes: { text: "a", whole: 3, part: 0.5, yes: true, none: undefined },
});

type Received = { readonly headers: IncomingHttpHeaders; readonly url: string; readonly names: string[] };

/** A collector that answers with these, the last one for ever. */
async function createCollector(answers: readonly (readonly [status: number, body: string])[]) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(pieces).toString()) as {
        resourceSpans: [{ scopeSpans: [{ spans: { name: string }[] }] }];
      };
      const names = body.resourceSpans[0].scopeSpans[0].spans.map(({ name }) => name);
      const [status, text] = answers[Math.min(received.length, answers.length - 1)]!;
      received.push({ headers: request.headers, url: request.url ?? "", names });
      response.writeHead(status).end(text);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { received, endpoint, close, [Symbol.asyncDispose]: close };
}

/** Sends when told to, and not by itself. */
const calm = (endpoint: string, rest: Partial<OtlpOptions> = {}) =>
  createOtlpExporter({ endpoint, resource: { "service.name": "fate" }, everyMs: 1e6, ...rest });

test("a span is written as OTLP's JSON: numbers of 64 bits as text, kinds and codes by number", () => {
  const body: unknown = JSON.parse(encodeSpans({ "service.name": "fate" }, [{ ...span("a"), error: "why" }]));
  const text = (key: string, value: object) => ({ key, value });
  expect(body).toEqual({
    resourceSpans: [
      {
        resource: { attributes: [text("service.name", { stringValue: "fate" })] },
        scopeSpans: [
          {
            scope: { name: "fate" },
            spans: [
              {
                traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
                spanId: "00f067aa0ba902b7",
                name: "a",
                kind: 2,
                startTimeUnixNano: "1700000000123456000",
                endTimeUnixNano: "1700000000123999000",
                attributes: [
                  text("text", { stringValue: "a" }),
                  text("whole", { intValue: "3" }),
                  text("part", { doubleValue: 0.5 }),
                  text("yes", { boolValue: true }),
                ],
                status: { code: 2, message: "why" },
              },
            ],
          },
        ],
      },
    ],
  });
});

test("spans go in batches, in order, with the headers given", async () => {
  await using collector = await createCollector([[200, "{}"]]);
  await using exporter = calm(collector.endpoint, { maxBatch: 2, headers: { "x-key": "k" } });
  exporter.add(["a", "b", "c"].map(span));
  await exporter.flush();
  expect(collector.received.map(({ names }) => names)).toEqual([["a", "b"], ["c"]]);
  expect(collector.received[0]).toMatchObject({ url: "/v1/traces", headers: { "x-key": "k" } });
  expect(collector.received[0]!.headers["content-type"]).toBe("application/json");
  expect(exporter.counts()).toEqual({ sent: 3, dropped: 0, waiting: 0 });
});

test("what the collector refuses is dropped and counted", async () => {
  await using collector = await createCollector([
    [200, '{"partialSuccess":{"rejectedSpans":"1","errorMessage":"too old"}}'],
    [400, "no"],
    [200, "nonsense"],
  ]);
  await using exporter = calm(collector.endpoint, { maxBatch: 3 });
  exporter.add(["a", "b", "c", "d", "e", "f", "g"].map(span));
  await exporter.flush();
  expect(exporter.counts()).toEqual({ sent: 3, dropped: 4, waiting: 0 });
});

test("a collector that has no time is asked again, four times in all", async () => {
  await using collector = await createCollector([[503, "busy"]]);
  await using exporter = calm(collector.endpoint);
  exporter.add([span("a")]);
  for (const waiting of [1, 1, 1, 0]) {
    await exporter.flush();
    expect(exporter.counts().waiting).toBe(waiting);
  }
  expect(collector.received.length).toBe(4);
  expect(exporter.counts()).toEqual({ sent: 0, dropped: 1, waiting: 0 });
});

test("without a collector no more than the bound waits, and closing lets go of it", async () => {
  const collector = await createCollector([[200, ""]]);
  await collector.close();
  const exporter = calm(collector.endpoint, { maxWaiting: 3 });
  exporter.add(["a", "b", "c", "d", "e"].map(span));
  expect(exporter.counts()).toEqual({ sent: 0, dropped: 2, waiting: 3 });
  await exporter[Symbol.asyncDispose]();
  exporter.add([span("f")]);
  expect(exporter.counts()).toEqual({ sent: 0, dropped: 6, waiting: 0 });
});
