/**
 * Which models are in memory and whose turn it is: first come, first served, a model loaded when the head of the queue needs
 * it, the longest unused one given up for it. It knows no llama word: what it holds is opened and closed by functions given to it.
 */

export type ResidencyOptions<Held> = {
  readonly open: (model: string) => Promise<Held>;
  readonly close: (held: Held) => Promise<void>;
  readonly maxResident: number;
  /** Calls under way at once, over all models. */
  readonly maxRunning: number;
  readonly maxWaiting: number;
};

export type Visit<Held> = { readonly held: Held; readonly leave: () => void };

export type ResidencySight = {
  /** The longest unused first. */
  readonly resident: readonly string[];
  readonly loading: readonly string[];
  readonly running: number;
  readonly waiting: number;
};

export class QueueFullError extends Error {}
export class ClosedError extends Error {}

type Resident<Held> = { readonly held: Held; running: number; usedAt: number };

type Ticket<Held> = {
  readonly model: string;
  /** A load is over as soon as the model is there. */
  readonly stays: boolean;
  readonly grant: (resident: Resident<Held>) => void;
  readonly refuse: (error: unknown) => void;
};

/** Invariant: whoever waits does so for a change under way, a place to become free, or someone before it in the queue. */
export class Residency<Held> {
  readonly #options: ResidencyOptions<Held>;
  readonly #residents = new Map<string, Resident<Held>>();
  readonly #waiting: Ticket<Held>[] = [];
  /** A load or an unload: one at a time, so that two models never share a place. */
  #change: Promise<void> | undefined;
  #loading: string | undefined;
  #running = 0;
  #uses = 0;
  #closed = false;
  #whenIdle: (() => void) | undefined;

  constructor(options: ResidencyOptions<Held>) {
    this.#options = options;
  }

  /** Resolves when the model is there and a place is free. The place is held until `leave`. */
  async enter(model: string, signal: AbortSignal): Promise<Visit<Held>> {
    const resident = await this.#wait(model, true, signal);
    let inside = true;
    const leave = (): void => {
      if (inside) this.#leave(resident);
      inside = false;
    };
    return { held: resident.held, leave };
  }

  /** Makes the model resident, in its turn. */
  async load(model: string, signal: AbortSignal): Promise<void> {
    await this.#wait(model, false, signal);
  }

  /** Gives the model up, unless calls of it are under way or a load or unload is. */
  async unload(model: string): Promise<"done" | "busy"> {
    if (this.#change !== undefined) return "busy";
    const resident = this.#residents.get(model);
    if (resident === undefined) return "done";
    if (resident.running > 0) return "busy";
    await this.#alter(() => this.#giveUp(model));
    return "done";
  }

  sight(): ResidencySight {
    return {
      resident: this.#byUse().map(([model]) => model),
      loading: this.#loading === undefined ? [] : [this.#loading],
      running: this.#running,
      waiting: this.#waiting.length,
    };
  }

  held(): readonly Held[] {
    return [...this.#residents.values()].map(({ held }) => held);
  }

  /** Turns everyone who waits away, waits for those who run, and gives everything up. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const ticket of this.#waiting.splice(0)) ticket.refuse(new ClosedError("the engine is closing"));
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
    await this.#change;
    for (const [model] of this.#byUse()) await this.#giveUp(model);
  }

  #wait(model: string, stays: boolean, signal: AbortSignal): Promise<Resident<Held>> {
    signal.throwIfAborted();
    if (this.#closed) throw new ClosedError("the engine is closing");
    if (this.#waiting.length >= this.#options.maxWaiting)
      throw new QueueFullError(`${this.#waiting.length} calls wait already; try again later`);
    const { promise, resolve, reject } = Promise.withResolvers<Resident<Held>>();
    const settled = (): void => signal.removeEventListener("abort", withdraw);
    const ticket: Ticket<Held> = {
      model,
      stays,
      grant: (resident) => (settled(), resolve(resident)),
      refuse: (error) => (settled(), reject(error)),
    };
    const withdraw = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(ticket), 1);
      ticket.refuse(signal.reason);
      this.#serve();
    };
    signal.addEventListener("abort", withdraw, { once: true });
    this.#waiting.push(ticket);
    this.#serve();
    return promise;
  }

  /** Serves the queue from its head until the head has to wait. */
  #serve(): void {
    for (let head = this.#waiting[0]; head !== undefined; head = this.#waiting[0]) {
      const resident = this.#residents.get(head.model);
      if (resident === undefined) {
        this.#makeResident(head.model);
        return;
      }
      if (head.stays && this.#running >= this.#options.maxRunning) return;
      this.#waiting.shift();
      resident.usedAt = ++this.#uses;
      if (head.stays) {
        resident.running++;
        this.#running++;
      }
      head.grant(resident);
    }
  }

  #leave(resident: Resident<Held>): void {
    resident.running--;
    this.#running--;
    resident.usedAt = ++this.#uses;
    if (this.#running === 0) this.#whenIdle?.();
    this.#serve();
  }

  /** Where no room can be made yet nothing happens: whoever leaves asks again. */
  #makeResident(model: string): void {
    if (this.#change !== undefined) return;
    const full = this.#residents.size >= this.#options.maxResident;
    const victim = full ? this.#byUse().find(([, { running }]) => running === 0)?.[0] : undefined;
    if (full && victim === undefined) return;
    void this.#alter(async () => {
      if (victim !== undefined) await this.#giveUp(victim);
      this.#loading = model;
      try {
        const held = await this.#options.open(model);
        this.#residents.set(model, { held, running: 0, usedAt: ++this.#uses });
      } catch (error) {
        this.#refuse(model, error);
      } finally {
        this.#loading = undefined;
      }
    });
  }

  /** Turns away all who wait for a model that cannot be had. */
  #refuse(model: string, error: unknown): void {
    for (const ticket of this.#waiting.filter((each) => each.model === model)) {
      this.#waiting.splice(this.#waiting.indexOf(ticket), 1);
      ticket.refuse(error);
    }
  }

  async #giveUp(model: string): Promise<void> {
    const resident = this.#residents.get(model);
    this.#residents.delete(model);
    if (resident !== undefined) await this.#options.close(resident.held);
  }

  #alter(carryOut: () => Promise<void>): Promise<void> {
    const altering = carryOut().finally(() => {
      this.#change = undefined;
      this.#serve();
    });
    this.#change = altering;
    return altering;
  }

  #byUse(): readonly (readonly [string, Resident<Held>])[] {
    return [...this.#residents].sort(([, left], [, right]) => left.usedAt - right.usedAt);
  }
}
