/**
 * A model server in this process, over `node-llama-cpp`: OpenAI's surface, real loads and unloads, real KV with prefix reuse.
 * The models' work is done by native threads; what happens here is a few microseconds a token.
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Llama, LlamaLibrary } from "./library.ts";
import { createTotals } from "./engine-metrics.ts";
import { createEngineListener } from "./engine-routes.ts";
import { loadLibrary } from "./load-library.ts";
import { loadModel, type LoadedModel } from "./loaded-model.ts";
import { Residency } from "./residency.ts";

export type LlamaEngineOptions = {
  readonly id: string;
  /** GGUF files by the names that calls use. */
  readonly models: readonly { readonly id: string; readonly path: string }[];
  /** Loaded from the start, as far as `maxResident` goes. */
  readonly resident?: readonly string[];
  readonly maxResident?: number;
  /** Calls under way at once. */
  readonly maxSequences?: number;
  /** Conversations per model whose KV is kept; at least `maxSequences`. */
  readonly kvSlots?: number;
  /** Per conversation; what the file says, if that is less. */
  readonly contextTokens?: number;
  readonly threads?: number;
  /** Map files instead of reading them: quicker, but then memory is filled and given back as the system likes. */
  readonly mapFiles?: boolean;
  readonly maxWaiting?: number;
  readonly defaultTokens?: number;
  readonly bodyBytes?: number;
  /** On the loopback interface; 0, the default, takes any free one. */
  readonly port?: number;
  /** Where the library is, if neither among the packages nor below the working directory. */
  readonly libraryFolder?: string;
};

export type LlamaEngine = AsyncDisposable & {
  readonly id: string;
  /** Such as `http://127.0.0.1:41234`. */
  readonly url: string;
  readonly residency: Residency<LoadedModel>;
  /** Cuts off who is connected, then frees every model. */
  readonly close: () => Promise<void>;
};

export async function startLlamaEngine(options: LlamaEngineOptions): Promise<LlamaEngine> {
  const { maxResident = 1, maxSequences = 1, contextTokens = 4096, threads = 1, mapFiles = false } = options;
  const library = await loadLibrary(options.libraryFolder);
  const llama = await startLlama(library);
  const paths = new Map(options.models.map(({ id, path }) => [id, path]));
  const residency = new Residency<LoadedModel>({
    open: (id) =>
      loadModel(llama, library, {
        id,
        path: paths.get(id) ?? "",
        slots: Math.max(maxSequences, options.kvSlots ?? 4),
        contextTokens,
        threads,
        mapFile: mapFiles,
      }),
    close: ({ model }) => model.dispose(),
    maxResident,
    maxRunning: maxSequences,
    maxWaiting: options.maxWaiting ?? 256,
  });
  const stop = new AbortController();
  const server = createServer(
    createEngineListener({
      id: options.id,
      models: [...paths.keys()],
      residency,
      totals: createTotals([...paths.keys()]),
      defaultTokens: options.defaultTokens ?? 256,
      bodyBytes: options.bodyBytes ?? 8 * 2 ** 20,
      nowMs: () => performance.now(),
      nowSeconds: () => Math.floor(Date.now() / 1000),
      stop: stop.signal,
    }),
  );
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll(server, stop, residency, llama));
  try {
    for (const model of (options.resident ?? []).slice(0, maxResident)) await residency.load(model, stop.signal);
    const url = await listen(server, options.port ?? 0);
    return { id: options.id, url, residency, close, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** On the CPU, with what is installed: nothing is compiled or fetched. */
function startLlama({ getLlama }: LlamaLibrary): Promise<Llama> {
  return getLlama({ gpu: false, build: "never", skipDownload: true, progressLogs: false, logLevel: "error" });
}

async function listen(server: Server, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(port, "127.0.0.1", resolve);
  await promise;
  server.removeListener("error", reject);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closeAll(
  server: Server,
  stop: AbortController,
  residency: Residency<LoadedModel>,
  llama: Llama,
): Promise<void> {
  stop.abort(new Error("the engine is closing"));
  if (server.listening) {
    const { promise, resolve } = Promise.withResolvers<void>();
    server.close(() => resolve());
    server.closeAllConnections();
    await promise;
  }
  await residency.close();
  await llama.dispose();
}
