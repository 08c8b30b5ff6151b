import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { encodeRecord } from "../../src/journal/append.ts";
import { dag, run } from "../support/build.ts";
import { fate, fateOn } from "./support.ts";

const { header, events } = run({ workflows: [dag("a -> b")] });
const text = [header, ...events].map(encodeRecord).join("");
const folder = mkdtempSync(join(tmpdir(), "fate-replay-"));
const files = {
  plain: join(folder, "run.ndjson"),
  packed: join(folder, "run.ndjson.gz"),
  none: join(folder, "none.ndjson"),
};
writeFileSync(files.plain, text);
// Members one behind another, as a journal is written.
writeFileSync(files.packed, Buffer.concat([gzipSync(text.slice(0, 900)), gzipSync(text.slice(900))]));
writeFileSync(files.none, "not a journal\n");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("fate replay", () => {
  test("serves the page and the journals, also compressed, to this machine alone, until it is stopped", async () => {
    const stop = new AbortController();
    const started = Promise.withResolvers<string>();
    const out = (told: string): void => started.resolve((JSON.parse(told) as { readonly url: string }).url);
    const ended = fateOn({ signal: stop.signal, out }, "replay", files.plain, files.packed, "--json");
    const url = await started.promise;
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await (await fetch(url)).text();
    expect(page).toContain(
      '"files":[{"name":"run.ndjson","url":"/journal/0"},{"name":"run.ndjson.gz","url":"/journal/1"}]',
    );
    for (const path of ["journal/0", "journal/1"]) expect(await (await fetch(`${url}${path}`)).text()).toBe(text);
    expect((await fetch(`${url}journal/2`)).status).toBe(404);
    expect((await fetch(`${url}journal/..%2f..%2fetc%2fpasswd`)).status).toBe(404);
    expect((await fetch(url, { method: "DELETE" })).status).toBe(405);
    expect((await fetch(url, { headers: { origin: "http://evil.example" } })).status).toBe(403);
    stop.abort();
    await ended;
    await expect(fetch(url)).rejects.toThrow("fetch failed");
  });

  test("a port that is taken is said to be, in one line", async () => {
    const taken = createServer();
    await once(taken.listen(0, "127.0.0.1"), "listening");
    const { port } = taken.address() as AddressInfo;
    const { code, notes } = await fate("replay", files.plain, "--port", `${port}`);
    taken.close();
    expect([code, notes]).toEqual([2, `fate: cannot listen on 127.0.0.1:${port}: the port is taken\n`]);
  });

  test.each([
    ["that is not there", join(folder, "gone.ndjson"), "no such file"],
    ["that is no journal", files.none, "expected the header of a journal as JSON"],
    ["that is standard input", "-", "reads files"],
  ])("refuses a file %s", async (_, file, sentence) => {
    const { code, notes } = await fate("replay", file);
    expect([code, notes]).toEqual([2, expect.stringContaining(sentence)]);
  });
});
