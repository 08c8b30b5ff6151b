/**
 * An emulated engine: an HTTP server that answers like a GPU model server, with durations from the cost model, in scaled
 * time, and with faults on demand.
 */

import { createEngine } from "./engine.ts";
import type { FaultDesk } from "./faults.ts";
import { sendError } from "./http/call.ts";
import { dispatch } from "./http/dispatch.ts";
import { createListener } from "./http/server.ts";
import { createKvTeller } from "./kv-publisher.ts";
import { toSettings, type EngineOptions } from "./options.ts";
import { toStats, type EngineStats } from "./surface/control.ts";

export type EmulatedEngine = AsyncDisposable & {
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** The kind of the catalogue that it emulates. */
  readonly gpu: string;
  /** Where KV events are published and replayed. */
  readonly kvPort?: number;
  readonly kvReplayPort?: number;
  readonly stats: () => EngineStats;
  readonly faults: FaultDesk;
  readonly close: () => Promise<void>;
};

export async function startEngine(options: EngineOptions): Promise<EmulatedEngine> {
  const settings = toSettings(options);
  const teller = settings.kvEvents === undefined ? undefined : await createKvTeller(settings.kvEvents, settings);
  const engine = createEngine(settings, teller === undefined ? {} : { listen: teller.listen });
  const listener = createListener(settings.host, settings.port, (request, response) => {
    dispatch(engine, request, response).catch((error: unknown) => {
      if (response.destroyed) return;
      const message = error instanceof Error ? error.message : "unknown";
      sendError({ response }, { status: 500, type: "server_error", message, code: "emulation_failed" });
    });
  });
  let open = true;
  let takeBack: (() => void) | undefined;
  const die = async (forMs: number | undefined): Promise<void> => {
    takeBack?.();
    // Sockets first: nobody is told of it.
    const closed = listener.close();
    engine.restart();
    teller?.clear();
    await closed;
    if (forMs !== undefined && open) takeBack = settings.clock.after(forMs * 1000, () => void comeBack());
  };
  const comeBack = async (): Promise<void> => {
    takeBack = undefined;
    if (!open) return;
    // Somebody else may have taken the port meanwhile: then it stays dead, and says so.
    await listener.listen().catch(() => engine.faults.note("port-lost"));
  };
  engine.die = die;
  try {
    await listener.listen();
  } catch (error) {
    await teller?.[Symbol.asyncDispose]();
    throw error;
  }
  engine.port = listener.port();
  const close = async (): Promise<void> => {
    open = false;
    takeBack?.();
    engine.stop();
    await listener.close();
    await teller?.[Symbol.asyncDispose]();
  };
  const { add, clear, standing, counts } = engine.faults;
  return {
    url: `http://${settings.host.includes(":") ? `[${settings.host}]` : settings.host}:${listener.port()}`,
    port: listener.port(),
    gpu: settings.gpu,
    ...(teller?.port === undefined ? {} : { kvPort: teller.port }),
    ...(teller?.replayPort === undefined ? {} : { kvReplayPort: teller.replayPort }),
    stats: () => toStats(engine),
    faults: {
      add,
      clear,
      standing,
      counts,
      die: (forMs) => {
        engine.faults.note("die");
        return die(forMs);
      },
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
