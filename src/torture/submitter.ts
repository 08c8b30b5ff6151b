/** A client of declared workflows: submits with a key, again and again until it is told, and follows the run to its end. */

import { toView } from "../gateway/declared/declared-run.ts";
import { toDeclared } from "../gateway/declared/parse-declared.ts";
import type { Submission } from "../gateway/declared/runs.ts";
import type { RunEvent, RunView } from "../gateway/declared/wire.ts";
import type { Rng } from "../random/rng.ts";
import { drawWorkflow } from "./draw-workflow.ts";
import type { Faults } from "./faults.ts";
import type { Gateway } from "./gateway.ts";
import type { Records } from "./laws/records.ts";
import type { Trace } from "./trace.ts";
import type { Site } from "./trouble.ts";
import type { VirtualTime } from "./virtual-time.ts";

export type SubmitterHost = {
  readonly virtual: VirtualTime;
  readonly faults: Faults;
  readonly rng: Rng;
  readonly sites: readonly Site[];
  readonly records: Records;
  readonly trace: Trace;
  readonly onBegin: (key: string) => void;
  readonly onEnd: (key: string, what: string) => void;
};

const tenant = "torture";
/** Until a client takes it that no answer will come. */
const patienceUs = 8_000_000;

/** What a client is answered when it follows a run. */
type Heard = {
  readonly events: readonly RunEvent[];
  readonly view?: RunView;
  readonly lastId: number;
  readonly over: boolean;
};

/** Returns how one more client begins. */
export function createSubmitter(host: SubmitterHost): () => void {
  let count = 0;
  return () => {
    const key = `key-${count++}`;
    const rng = host.rng.stream(key);
    host.onBegin(key);
    void submitAndFollow(host, rng, key).then((what) => host.onEnd(key, what));
  };
}

async function submitAndFollow(host: SubmitterHost, rng: Rng, key: string): Promise<string> {
  const { virtual, faults, records, trace } = host;
  const definition = drawWorkflow(rng, key);
  const workflow = toDeclared(definition, key);
  const submission: Submission = { workflow, definition: JSON.stringify(definition), tenant, key, bodyHash: key };
  const leaves = faults.strikes("client-gone");
  const submit = async (): Promise<string | undefined> => {
    const answer = await ask(host, rng, (gateway) => gateway.runs.submit(submission));
    if (answer === undefined || !("run" in answer)) return undefined;
    trace.add(virtual.nowUs, "client", `${key} is ${answer.run.id}`);
    records.accept(key, answer.run.id);
    return answer.run.id;
  };
  let id: string | undefined;
  while (id === undefined) {
    if (faults.strikes("client-again")) void submit();
    id = await submit();
    if (id === undefined) await pause(host, 200_000 + rng.below(1_500_000));
  }
  const run = id;
  if (leaves) {
    await pause(host, rng.below(1_000_000));
    const seen = await ask(host, rng, (gateway) => gateway.runs.cancel(tenant, run));
    if (seen !== undefined) records.tellView(run, toView(seen));
  }
  let lastId = 0;
  for (;;) {
    const heard: Heard | undefined = await ask(host, rng, (gateway) => follow(host, gateway, run, lastId));
    if (heard === undefined) {
      await pause(host, 100_000 + rng.below(900_000));
      continue;
    }
    if (heard.view !== undefined) records.tellView(run, heard.view);
    for (const event of heard.events) {
      records.tellEvent(run, event);
      if (event.kind === "workflow-end") return event.status;
    }
    lastId = Math.max(heard.lastId, heard.events.at(-1)?.id ?? 0);
    if (heard.over) return heard.view?.status ?? "over";
  }
}

/** Asks any gateway; undefined where it cannot say, is not there, or its answer is lost. */
function ask<T>(
  { virtual, sites, faults }: SubmitterHost,
  rng: Rng,
  what: (gateway: Gateway) => Promise<T | undefined>,
): Promise<T | undefined> {
  const site = sites[rng.below(sites.length)];
  return new Promise((resolve) => {
    const nothing = (): void => resolve(undefined);
    const patience = virtual.after(patienceUs, nothing);
    const settle = (value: T | undefined): void => {
      patience.stop();
      resolve(value);
    };
    virtual.after(200 + rng.below(2000), () => {
      const gateway = site?.gateway;
      if (gateway === undefined || !gateway.machine.alive) return settle(undefined);
      const { machine } = gateway;
      const undo = machine.onDeath(() => void virtual.after(300, () => settle(undefined)));
      machine.enter(() => {
        what(gateway).then(
          (value) => {
            undo();
            // A killed one says nothing more.
            if (machine.alive && !faults.strikes("answer-lost"))
              virtual.after(300 + rng.below(1000), () => settle(value));
          },
          () => {
            if (machine.alive) virtual.after(300, () => settle(undefined));
          },
        );
      });
    });
  });
}

/** What a run's stream of events has after this one; waits a while for the next. */
async function follow(
  { virtual }: SubmitterHost,
  { runs, machine }: Gateway,
  id: string,
  lastId: number,
): Promise<Heard | undefined> {
  const followed = runs.follow(id);
  if (followed === undefined) {
    const run = await runs.find(tenant, id);
    if (run === undefined || run.status === "running") return undefined;
    return { events: [], view: toView(run), lastId, over: true };
  }
  const { log, now } = followed;
  let after = log.after(lastId);
  if (after.kind === "events" && after.events.length === 0 && !log.closed()) {
    const waited = new Promise<void>((resolve) => void virtual.after(1_000_000, () => machine.enter(resolve)));
    await Promise.race([log.changed(), waited]);
    after = log.after(lastId);
  }
  if (after.kind === "events") return { events: after.events, lastId, over: false };
  return { events: [], view: toView(now()), lastId: after.goOnAfter, over: false };
}

function pause({ virtual }: SubmitterHost, us: number): Promise<void> {
  return new Promise((resolve) => void virtual.after(us, resolve));
}
