/** Those who bring work: calls that want one answer, and submitters of workflows who try again until they know what became of it. */

import type { Rng } from "../random/rng.ts";
import { embedModel, textModels } from "./draw-workflow.ts";
import type { Faults } from "./faults.ts";
import type { Records } from "./laws/records.ts";
import type { PlainCall } from "./plain-call.ts";
import { createSubmitter } from "./submitter.ts";
import type { Trace } from "./trace.ts";
import type { Site } from "./trouble.ts";
import type { VirtualTime } from "./virtual-time.ts";

export type ClientsHost = {
  readonly virtual: VirtualTime;
  readonly faults: Faults;
  readonly rng: Rng;
  readonly trace: Trace;
  readonly sites: readonly Site[];
  readonly records: Records;
};

export type Clients = {
  /** Work comes for so long. */
  readonly begin: (forUs: number) => void;
  readonly calls: () => number;
  /** What somebody still waits for. */
  readonly unrest: () => string | undefined;
};

export function createClients(host: ClientsHost): Clients {
  const { virtual, sites, trace } = host;
  const rng = host.rng.stream("clients");
  const waiting = new Set<string>();
  let calls = 0;
  const done = (who: string, what: string): void => {
    if (waiting.delete(who)) trace.add(virtual.nowUs, "client", `${who} ${what}`);
  };

  const oneCall = (): void => {
    const gateway = sites[rng.below(sites.length)]?.gateway;
    const workflow = `call-${calls++}`;
    const call = drawCall(rng, workflow);
    const leaves = host.faults.strikes("client-gone");
    const leaveUs = host.faults.rng("client-gone").below(1_000_000);
    if (gateway === undefined) return;
    waiting.add(workflow);
    gateway.machine.onDeath(() => done(workflow, "is cut off"));
    gateway.machine.enter(() => {
      const leave = gateway.call(call, (outcome) => done(workflow, outcome));
      if (leaves) virtual.after(leaveUs, () => gateway.machine.enter(leave));
    });
  };

  const submit = createSubmitter({
    ...host,
    rng: rng.stream("submitters"),
    onBegin: (key) => void waiting.add(key),
    onEnd: done,
  });
  const repeat = (forUs: number, perSecond: number, what: () => void): void => {
    for (let atUs = 0; atUs < forUs; atUs += 1 + rng.below(2_000_000 / perSecond)) virtual.after(atUs, what);
  };
  return {
    begin: (forUs) => {
      repeat(forUs, 1 + rng.below(5), oneCall);
      repeat(forUs, 1 + rng.below(3), submit);
    },
    calls: () => calls,
    unrest: () => {
      const [first] = waiting;
      return first;
    },
  };
}

function drawCall(rng: Rng, workflow: string): PlainCall {
  const embeds = rng.below(5) === 0;
  return {
    workflow,
    model: embeds ? embedModel : (textModels[rng.below(textModels.length)] ?? textModels[0]),
    embeds,
    promptTokens: 50 + rng.below(2000),
    outputTokens: 10 + rng.below(200),
  };
}
