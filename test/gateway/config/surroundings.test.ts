import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { realSurroundings } from "../../../src/gateway/config/inspect/surroundings.ts";

test("the real surroundings see what is there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fate-doctor-"));
  const server = createServer((request, response) => {
    response.writeHead(request.headers["x-key"] === "k" ? 200 : 401).end("body");
  }).listen(0, "127.0.0.1");
  try {
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const { signal } = new AbortController();
    const { probe, reach, tryListen, tryWrite, tryRead, read, resolve } = realSurroundings;
    const answer = await probe(`http://127.0.0.1:${port}/`, { "x-key": "k" }, signal);
    expect([answer.status, Number.isNaN(Date.parse(answer.date ?? ""))]).toEqual([200, false]);
    await reach("127.0.0.1", port, signal);
    await expect(tryListen("127.0.0.1", port)).rejects.toMatchObject({ code: "EADDRINUSE" });
    await tryListen("127.0.0.1", 0);
    await tryWrite(join(folder, "new", "journal.ndjson"));
    await expect(tryWrite(folder)).rejects.toThrow("not a file");
    writeFileSync(join(folder, "file"), "text");
    await tryWrite(join(folder, "file"));
    await expect(tryWrite(join(folder, "file", "journal"))).rejects.toThrow();
    await tryRead(join(folder, "file"));
    expect(await read(join(folder, "file"))).toBe("text");
    await expect(tryRead(join(folder, "none"))).rejects.toMatchObject({ code: "ENOENT" });
    expect((await resolve("127.0.0.1")).length).toBe(1);
    if (process.getuid?.() !== 0) {
      mkdirSync(join(folder, "closed"));
      chmodSync(join(folder, "closed"), 0o500);
      await expect(tryWrite(join(folder, "closed", "journal"))).rejects.toMatchObject({ code: "EACCES" });
    }
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
