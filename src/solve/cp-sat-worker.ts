/** The thread that holds the solver: answers each model through the port and rings the bell once the answer lies there. */

import type { CpModelProto, SatParameters } from "or-tools-wasm/cp-sat";
import { type MessagePort, workerData } from "node:worker_threads";

export type CpSatRequest = { readonly model: CpModelProto; readonly parameters: SatParameters };

export type CpSatAnswer =
  | { readonly kind: "answered"; readonly status: string; readonly values: readonly number[] }
  | { readonly kind: "failed"; readonly reason: string };

const { port, bell } = workerData as { readonly port: MessagePort; readonly bell: Int32Array };

port.on("message", (request: CpSatRequest) => void answer(request));

async function answer({ model, parameters }: CpSatRequest): Promise<void> {
  let reply: CpSatAnswer;
  try {
    // Here, so that a package that is missing or does not load is an answer with a reason.
    const { CpSat } = await import("or-tools-wasm/cp-sat");
    const { response } = await CpSat.solve(await CpSat.createModel(model), parameters);
    const values = Array.from(response?.solution ?? [], Number);
    reply = { kind: "answered", status: String(response?.status ?? "no response"), values };
  } catch (error) {
    reply = { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
  port.postMessage(reply);
  Atomics.add(bell, 0, 1);
  Atomics.notify(bell, 0);
}
