/** Sees to it that journals come: from the gateway, again and again, or one or two files; one choice ends the one before. */

import type { JournalHeader } from "../../journal/journal.ts";
import { Scene } from "../scene/scene.ts";
import type { App, Run } from "./app.ts";
import { find } from "./dom.ts";
import { KeyWanted, readFile, readLive, readUrl, type Sink } from "./sources.ts";

/** Two journals are compared, no more. */
const mostRuns = 2;
/** After a connection that broke off: soon, then ever later. */
const soonMs = 500;
const latestMs = 5000;
/** A connection that held for so long was a good one. */
const heldMs = 5000;

export class Reading {
  readonly #app: App;
  #now = new AbortController();

  constructor(app: App) {
    this.#app = app;
  }

  /** What the gateway does, from now on. */
  live(): void {
    const signal = this.#begin();
    this.#app.choose(undefined);
    void this.#follow(signal);
  }

  files(files: Iterable<File>): void {
    const sources = Array.from(files, (file): Source => ({ name: file.name, read: (sink) => readFile(file, sink) }));
    void this.#open(sources, this.#begin());
  }

  /** Those that the server begins with. */
  served(files: readonly { readonly name: string; readonly url: string }[]): void {
    const signal = this.#begin();
    const sources = files.map(({ name, url }): Source => ({ name, read: (sink) => readUrl(name, url, sink, signal) }));
    void this.#open(sources, signal);
  }

  #begin(): AbortSignal {
    this.#now.abort();
    this.#now = new AbortController();
    const app = this.#app;
    app.runs = [];
    app.lost = undefined;
    app.windowFollows = true;
    app.lookAtEnd();
    notice(undefined);
    return this.#now.signal;
  }

  async #open(sources: readonly Source[], signal: AbortSignal): Promise<void> {
    const app = this.#app;
    for (const [index, { name, read }] of sources.slice(0, mostRuns).entries()) {
      try {
        await read(this.#toSink({ name, index, live: false, signal }));
      } catch (error) {
        if (signal.aborted) return;
        notice(error instanceof Error ? error.message : String(error));
      }
      const run = app.runs[index];
      if (run !== undefined) run.loading = false;
      app.changed();
    }
    app.show(app.runs.length > 1 ? "compare" : "run");
  }

  /** The gateway ends it whenever it begins anew, and it may be gone for a while. */
  async #follow(signal: AbortSignal): Promise<void> {
    const app = this.#app;
    let waitMs = soonMs;
    while (!signal.aborted) {
      const beganMs = performance.now();
      try {
        await readLive(app.key, this.#toSink({ name: "live", index: 0, live: true, signal }), signal);
      } catch (error) {
        if (signal.aborted) return;
        app.lost = sayWhy(error);
        app.changed();
        if (error instanceof KeyWanted) return void (find("gate").hidden = false);
      }
      waitMs = performance.now() - beganMs > heldMs ? soonMs : Math.min(latestMs, waitMs * 1.6);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }

  /** What takes a journal in and shows it as run number `index`. */
  #toSink({ name, index, live, signal }: SinkOptions): Sink {
    const app = this.#app;
    let run: Run | undefined;
    return {
      begin: (header: JournalHeader) => {
        signal.throwIfAborted();
        run = { name, scene: new Scene(header), live, heardMs: performance.now(), loading: !live };
        app.runs = [...app.runs.slice(0, index), run];
        app.lost = undefined;
        if (!live) app.choose(undefined);
        app.changed();
      },
      see: (event) => run?.scene.see(event),
      pause: () => {
        signal.throwIfAborted();
        if (run !== undefined) run.heardMs = performance.now();
        app.ask();
      },
    };
  }
}

type Source = { readonly name: string; readonly read: (sink: Sink) => Promise<void> };
type SinkOptions = {
  readonly name: string;
  readonly index: number;
  readonly live: boolean;
  readonly signal: AbortSignal;
};

/** What a browser says of a connection that fails is a TypeError; anything else is about what came over it. */
function sayWhy(error: unknown): string {
  if (error instanceof KeyWanted) return error.message;
  const why = error instanceof TypeError || !(error instanceof Error) ? "The gateway does not answer" : error.message;
  return `${why}; this page goes on trying.`;
}

function notice(text: string | undefined): void {
  const element = find("notice");
  element.hidden = text === undefined;
  element.textContent = text ?? "";
}
