/** A model server as gateways reach it: so many calls at once, models that it holds, and whatever goes wrong with it. */

import type { Adapter } from "../gateway/adapter/adapter.ts";
import { EngineFault } from "../gateway/adapter/engine-fault.ts";
import type { Caller, HandedOver, ModelAnswer, ModelCall } from "../gateway/declared/model-call.ts";
import type { ShareFault, Turn } from "../gateway/live/driver.ts";
import type { Engine } from "../model/cluster.ts";
import type { Rng } from "../random/rng.ts";
import type { Faults } from "./faults.ts";
import type { Machine } from "./machine.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** A call that has reached the server, and is not over there. */
export type Serving = { readonly turn: Turn; readonly by: Machine; readonly signal: AbortSignal };

export type ServerHost = {
  readonly virtual: VirtualTime;
  readonly faults: Faults;
  readonly rng: Rng;
  /** What a model writes: never the same twice, so that two answers to one stage are told apart. */
  readonly write: (turn: Turn) => string;
  readonly onBegin: (server: ModelServer, serving: Serving) => void;
  readonly onHandOff: (turn: Turn, handOff: unknown) => void;
};

type Answer = ModelAnswer | HandedOver | ShareFault;

/** A gateway gives up a call of which it hears nothing for so long. */
const stallUs = 3_000_000;

export class ModelServer {
  readonly engine: Engine;
  readonly #host: ServerHost;
  readonly serving = new Set<Serving>();
  readonly resident: Set<string>;
  /** Called when it dies: what breaks off then. */
  readonly #onDeath = new Set<() => void>();
  #up = true;
  /** Tokens of prompts taken in, for decode engines to fetch. */
  readonly #handOffs = new Set<number>();
  #nextHandOff = 1;

  constructor(engine: Engine, host: ServerHost) {
    this.engine = engine;
    this.#host = host;
    this.resident = new Set(engine.resident);
  }

  get up(): boolean {
    return this.#up;
  }

  die(): void {
    this.#up = false;
    for (const breakOff of this.#onDeath) breakOff();
    this.#onDeath.clear();
    this.serving.clear();
  }

  revive(): void {
    if (this.#up) return;
    this.#up = true;
    this.resident.clear();
    for (const model of this.engine.resident) this.resident.add(model);
  }

  /** One call of a gateway, or of its client through it. */
  call(by: Machine, { turn, signal, handOff, firstToken }: Omit<ModelCall, "surface" | "body">): Promise<Answer> {
    const { virtual, faults, rng } = this.#host;
    if (faults.strikes("crash")) by.crash();
    return by.hear<Answer>((resolve) => {
      let over = false;
      const end = (answer: Answer): void => {
        if (over) return;
        over = true;
        this.#onDeath.delete(breakOff);
        signal.removeEventListener("abort", abort);
        undo();
        resolve(answer);
      };
      const fault = (kind: ShareFault["kind"], message: string): void => end({ kind, retry: true, message });
      const serving: Serving = { turn, by, signal };
      const leave = (): void => void this.serving.delete(serving);
      const breakOff = (): void => void virtual.after(200, () => fault("cut", "the engine is gone"));
      const abort = (): void => {
        // The server sees only later that nobody listens any more.
        virtual.after(500 + rng.below(2000), leave);
        fault("cut", "the call was given up");
      };
      // The system of a killed gateway closes its connections.
      const undo = by.onDeath(() => void virtual.after(500, leave));
      signal.addEventListener("abort", abort);
      const drawn = this.#draw();
      virtual.after(100 + rng.below(1000), () => {
        if (over || !by.alive) return;
        if (!this.#up) return fault("unreachable", "the engine cannot be reached");
        if (drawn.kind === "busy") return end(status(503, "busy"));
        this.serving.add(serving);
        this.#host.onBegin(this, serving);
        this.#onDeath.add(breakOff);
        virtual.after(drawn.firstUs, () => {
          if (!over && this.serving.has(serving)) by.enter(firstToken);
        });
        virtual.after(drawn.firstUs + drawn.restUs, () => {
          if (!this.serving.has(serving)) return;
          leave();
          if (drawn.kind === "cut") fault("cut", "the engine broke off");
          else if (drawn.kind === "stall") fault("stalled", "the engine says nothing more");
          else end(drawn.kind === "wrong" ? drawn.answer : this.#answer(turn, handOff));
        });
      });
    });
  }

  #draw():
    | { readonly kind: "well" | "busy" | "cut" | "stall"; readonly firstUs: number; readonly restUs: number }
    | { readonly kind: "wrong"; readonly firstUs: number; readonly restUs: number; readonly answer: ModelAnswer } {
    const { faults, rng } = this.#host;
    const slow = faults.strikes("engine-slow") ? 1 + faults.rng("engine-slow").below(40) : 1;
    const times = { firstUs: (2000 + rng.below(40_000)) * slow, restUs: (5000 + rng.below(200_000)) * slow };
    const [busy, cut] = [faults.strikes("engine-busy"), faults.strikes("engine-cut")];
    const [stall, wrong] = [faults.strikes("engine-stall"), faults.strikes("engine-wrong")];
    if (busy) return { kind: "busy", ...times };
    if (cut) return { kind: "cut", ...times };
    if (stall) return { kind: "stall", ...times, restUs: stallUs };
    if (!wrong) return { kind: "well", ...times };
    const isOurs = faults.rng("engine-wrong").below(4) === 0;
    return { kind: "wrong", ...times, answer: isOurs ? status(400, "no such thing") : status(500, "out of order") };
  }

  #answer(turn: Turn, handOff: unknown): Answer {
    if (turn.phase === "prefill") {
      const id = this.#nextHandOff++;
      this.#handOffs.add(id);
      return { kind: "handed-over", handOff: { engine: this.engine.id, id } };
    }
    if (turn.phase === "decode") this.#host.onHandOff(turn, handOff);
    const usage = {
      promptTokens: turn.stage.promptTokens,
      outputTokens: 20 + this.#host.rng.below(60),
      cachedTokens: 0,
    };
    const content = this.#host.write(turn);
    const body =
      turn.stage.kind === "embed"
        ? { data: [{ embedding: [content.length, usage.outputTokens] }] }
        : { choices: [{ message: { content } }] };
    return { kind: "answer", status: 200, body: Buffer.from(JSON.stringify(body)), usage };
  }

  #gone(): EngineFault {
    const [found, expected] = ["no connection", "an answer"];
    return new EngineFault({ kind: "unreachable", engine: this.engine.id, request: "any", found, expected });
  }

  /** What a gateway sees of it, and has it do. */
  adapter(by: Machine, loads: boolean): Adapter {
    const { virtual, faults, rng } = this.#host;
    const soon = <T>(us: number, what: () => T): Promise<T> => {
      if (faults.strikes("crash")) by.crash();
      return by.hear<T>((resolve, reject) => {
        virtual.after(us, () => {
          if (!this.#up) return reject(this.#gone());
          try {
            resolve(what());
          } catch (error) {
            reject(error);
          }
        });
      });
    };
    return {
      engine: this.engine.id,
      abilities: { loads, metrics: false, priorities: false },
      upstream: (model) => ({ origin: "http://127.0.0.1:1", model, headers: {} }),
      look: () => soon(500 + rng.below(1000), () => ({ resident: [...this.resident] })),
      load: (model) =>
        soon(50_000 + rng.below(500_000), () => {
          if (faults.strikes("load-fails")) throw new Error("no memory for it");
          this.resident.add(model);
        }),
      unload: (model) => soon(5000 + rng.below(20_000), () => void this.resident.delete(model)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

export function createCaller(by: Machine, servers: ReadonlyMap<string, ModelServer>): Caller {
  return {
    call: (call) => {
      const server = servers.get(call.turn.engine);
      if (server === undefined) throw new Error(`no engine ${call.turn.engine}`);
      return server.call(by, call);
    },
  };
}

function status(code: number, message: string): ModelAnswer {
  return { kind: "answer", status: code, body: Buffer.from(JSON.stringify({ error: { message } })) };
}
