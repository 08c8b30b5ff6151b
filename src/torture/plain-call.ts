/** A call as it comes over HTTP: a workflow of one stage, whose client waits for one answer. */

import type { Driver, NewStage, ShareFault, Turn, Work } from "../gateway/live/driver.ts";
import { chainHash } from "../model/prefix.ts";
import { stageKey } from "../model/workflow.ts";
import type { Machine } from "./machine.ts";
import type { ModelServer } from "./model-server.ts";

export type PlainCall = {
  readonly workflow: string;
  readonly model: string;
  readonly embeds: boolean;
  readonly promptTokens: number;
  readonly outputTokens: number;
};

export type Outcome = "answered" | "failed" | "refused" | "left";

export type CallHost = {
  readonly machine: Machine;
  readonly driver: Driver;
  readonly servers: ReadonlyMap<string, ModelServer>;
  /** Once. */
  readonly onOutcome: (call: PlainCall, outcome: Outcome) => void;
};

/** Brings the call to the driver; what comes back has its client leave. */
export function makeCall(call: PlainCall, host: CallHost): () => void {
  const { driver } = host;
  const stage = toStage(call);
  const finish = (outcome: Outcome): void => {
    driver.end(call.workflow);
    host.onOutcome(call, outcome);
  };
  let over = false;
  const end = (outcome: Outcome): void => {
    if (over) host.onOutcome(call, outcome);
    else finish(outcome);
    over = true;
  };
  driver.arrive({ workflow: call.workflow, reveal: "online" });
  driver.reveal(stage);
  driver.ready(stage.key, createWork(host, end));
  return () => {
    if (over) return;
    driver.drop(stage.key, "client-gone");
    end("left");
  };
}

function createWork({ machine, servers }: CallHost, end: (outcome: Outcome) => void): Work {
  let handOff: unknown;
  const fail = (turn: Turn, fault: ShareFault): void => {
    turn.fail(fault);
    if (!fault.retry) end("failed");
  };
  const carry = async (turn: Turn): Promise<void> => {
    const server = servers.get(turn.engine);
    if (server === undefined) throw new Error(`no engine ${turn.engine}`);
    const { signal } = turn;
    const decodes = turn.phase === "decode" ? { handOff } : {};
    const answer = await server.call(machine, { turn, signal, firstToken: () => turn.firstToken(), ...decodes });
    if (signal.aborted) return;
    if (answer.kind === "handed-over") {
      handOff = answer.handOff;
      turn.handedOver();
    } else if (answer.kind !== "answer") fail(turn, answer);
    else if (answer.status >= 500) fail(turn, { kind: "busy", retry: true, message: `answered ${answer.status}` });
    else if (answer.status >= 400) fail(turn, { kind: "rejected", retry: false, message: `answered ${answer.status}` });
    else {
      turn.end({ outputTokens: answer.usage?.outputTokens ?? 0 });
      end("answered");
    }
  };
  return { start: (turn) => void carry(turn), refuse: () => end("refused") };
}

function toStage({ workflow, model, embeds, promptTokens, outputTokens }: PlainCall): NewStage {
  return {
    key: stageKey(workflow, "call"),
    workflow,
    id: "call",
    parents: [],
    priority: 0,
    kind: embeds ? "embed" : "llm",
    model,
    chain: [{ hash: chainHash(undefined, workflow), tokens: promptTokens }],
    sharedLinks: 0,
    promptTokens,
    outputTokens: embeds ? 0 : outputTokens,
    limitTokens: embeds ? 0 : outputTokens * 2,
    items: 1,
  };
}
