/** Finds engines in a file that is read again whenever it changes. */

import { watch as watchPath } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { EngineId } from "../../model/cluster.ts";
import type { EngineConfig } from "../config/config.ts";
import { nothing, type Timers, wallTimers } from "./timers.ts";

export type EngineChange = {
  readonly added: readonly EngineConfig[];
  /** An engine whose description changed is removed and added. */
  readonly removed: readonly EngineId[];
};

/** Calls back whenever the file may have changed. */
export type WatchFile = (path: string, onEvent: () => void, onFault: (reason: string) => void) => Disposable;

export type FileWatch = AsyncDisposable & { readonly engines: () => readonly EngineConfig[] };

const maxFileBytes = 4 * 1024 * 1024;
/** Editors write in several steps; the file is read once they are over. */
const debounceMs = 200;
/** Some file systems tell of no change, so now and then it is read unasked. */
const anywayMs = 30_000;

/** Reads at once; from then on the last good content holds, and what is wrong with a newer one is told once. */
export function watchEngineFile(options: {
  readonly path: string;
  /** Throws, with a message for people, if the text is not a good file. */
  readonly parse: (text: string, path: string) => readonly EngineConfig[];
  readonly onChange: (change: EngineChange) => void;
  readonly onFault: (reason: string) => void;
  readonly timers?: Timers;
  readonly watch?: WatchFile;
  readonly read?: (path: string) => Promise<string>;
}): FileWatch {
  const { path, parse, onChange, onFault, timers = wallTimers, watch = watchFolder, read = readBounded } = options;
  let known: readonly EngineConfig[] = [];
  let lastText: string | undefined;
  let lastFault: string | undefined;
  let cancel = nothing;
  let reading: Promise<void> | undefined;
  let again = false;
  let disposed = false;

  const tellFault = (reason: string): void => {
    if (reason !== lastFault && !disposed) onFault(reason);
    lastFault = reason;
  };

  const readOnce = async (): Promise<EngineChange | undefined> => {
    try {
      const text = await read(path);
      if (text === lastText) return undefined;
      const engines = parse(text, path);
      const change = compare(known, engines);
      lastText = text;
      lastFault = undefined;
      known = engines;
      return change;
    } catch (error) {
      lastText = undefined;
      tellFault(error instanceof Error ? error.message : `${path}: cannot be read`);
      return undefined;
    }
  };

  const begin = (): void => {
    cancel();
    if (reading !== undefined) {
      again = true;
      return;
    }
    reading = readOnce().then((change) => {
      reading = undefined;
      if (disposed) return;
      if (change !== undefined && change.added.length + change.removed.length > 0) onChange(change);
      cancel = timers.after(again ? debounceMs : anywayMs, begin);
      again = false;
    });
  };

  const onEvent = (): void => {
    if (disposed) return;
    if (reading === undefined) {
      cancel();
      cancel = timers.after(debounceMs, begin);
    } else {
      again = true;
    }
  };

  const watcher = watch(path, onEvent, tellFault);
  begin();
  return {
    engines: () => known,
    [Symbol.asyncDispose]: async () => {
      disposed = true;
      cancel();
      watcher[Symbol.dispose]();
      await reading;
    },
  };
}

/** By id; the order in the file does not matter. */
function compare(before: readonly EngineConfig[], now: readonly EngineConfig[]): EngineChange {
  const old = new Map(before.map((engine) => [engine.id, engine]));
  const added = now.filter((engine) => !isDeepStrictEqual(old.get(engine.id), engine));
  const kept = new Set(now.filter((engine) => !added.includes(engine)).map(({ id }) => id));
  return { added, removed: before.map(({ id }) => id).filter((id) => !kept.has(id)) };
}

/** The folder rather than the file, which editors and Kubernetes replace by another one. */
const watchFolder: WatchFile = (path, onEvent, onFault) => {
  const tell = (error: unknown): void => {
    onFault(
      `${path}: cannot be watched (${error instanceof Error ? error.message : "unknown"}); it is read now and then`,
    );
  };
  try {
    const watcher = watchPath(dirname(path), { persistent: false }, onEvent);
    watcher.on("error", tell);
    return {
      [Symbol.dispose]: () => {
        watcher.close();
      },
    };
  } catch (error) {
    tell(error);
    return { [Symbol.dispose]: nothing };
  }
};

async function readBounded(path: string): Promise<string> {
  await using file = await open(path);
  const buffer = Buffer.alloc(maxFileBytes + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, buffer.length - length);
    length += bytesRead;
    if (length > maxFileBytes) throw new Error(`${path}: found more than ${maxFileBytes} bytes, expected fewer`);
    if (bytesRead === 0) return buffer.toString("utf8", 0, length);
  }
}
