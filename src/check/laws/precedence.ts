import type { Law } from "../law.ts";
import type { ShareStep } from "../rows.ts";
import type { ShareName } from "../engine-book.ts";

/** A step comes after what it builds on. */
export const precedence: Law = {
  name: "precedence",
  claim:
    "a stage is ready once all its parents have ended or were skipped, placed while it is ready, and ends after all its shares; it is forgiven engines while it is ready and avoids some; a share starts from its queue, takes in its prompt with all inputs there, and decodes after that",
  scope: "any",
  watch: ({ header, ledger, report }) => {
    /** Nothing but a wall clock lets time pass between a cause and its effect. */
    const isLate = (atUs: number, dueUs: number): boolean => (header.clock === "wall" ? atUs < dueUs : atUs !== dueUs);
    const expectStep = (event: ShareName & { readonly kind: string }, steps: readonly ShareStep[]): void => {
      const share = ledger.engines.running(event);
      const name = `${event.stage}#${event.share}`;
      if (share === undefined) report(`${event.kind} of ${name}, which does not run on ${event.engine}`);
      else if (!steps.includes(share.step)) report(`${event.kind} of ${name}, which is ${share.step}`);
    };
    return {
      "stage-ready": ({ stage, atUs }) => {
        const row = ledger.stages.get(stage);
        if (row === undefined) return;
        if (row.status !== "waiting") report(`${stage} becomes ready, but it is ${row.status}`);
        if (row.parentsOpen > 0)
          report(`${stage} becomes ready while ${row.parentsOpen} of its parents have not ended`);
        else if (isLate(atUs, row.parentsEndUs))
          report(`${stage} becomes ready at ${atUs} us, its last parent ended at ${row.parentsEndUs} us`);
      },
      "stage-place": ({ stage }) => {
        const row = ledger.stages.get(stage);
        if (row !== undefined && row.status !== "ready") report(`${stage} is placed, but it is ${row.status}`);
      },
      "stage-forgive": ({ stage }) => {
        const row = ledger.stages.get(stage);
        if (row !== undefined && row.status !== "ready") report(`${stage} is forgiven, but it is ${row.status}`);
        const avoids = row === undefined || row.stage.kind === "tool" ? [] : (row.stage.allow?.avoid ?? []);
        if (avoids.length === 0) report(`${stage} is forgiven, but it avoids nobody`);
      },
      "share-start": (event) => {
        const queued = ledger.engines.queued(event);
        if (queued === undefined)
          report(`${event.stage}#${event.share} starts, but it is not queued on ${event.engine}`);
        else if (queued.phase !== event.phase)
          report(`${event.stage}#${event.share} starts with phase ${event.phase}, expected ${queued.phase}`);
      },
      "transfer-start": (event) => {
        expectStep(event, ["started"]);
        if (ledger.engines.running(event)?.inputs.has(event.parent) === true)
          report(`the output of ${event.parent} is already on its way`);
      },
      "transfer-end": (event) => {
        expectStep(event, ["started"]);
        const share = ledger.engines.running(event);
        if (share !== undefined && !share.inputs.has(event.parent))
          report(`the output of ${event.parent} arrives, but it is not on its way`);
      },
      "prefill-start": (event) => {
        expectStep(event, ["started"]);
        const share = ledger.engines.running(event);
        if (share?.phase === "decode") report(`${event.stage}#${event.share} takes in its prompt on its decode engine`);
        if (share !== undefined && share.inputs.size > 0)
          report(`${event.stage}#${event.share} takes in its prompt while ${share.inputs.size} inputs are on the way`);
      },
      "prefill-end": (event) => expectStep(event, ["prefilling"]),
      "kv-transfer-start": (event) => {
        expectStep(event, ["prefilled"]);
        const share = ledger.engines.running(event);
        if (share !== undefined && share.decodeEngine !== event.to)
          report(`KV of ${event.stage} goes to ${event.to}, it was placed for ${share.decodeEngine ?? "no hand-over"}`);
      },
      "kv-transfer-end": (event) => {
        expectStep(event, ["sending"]);
        const share = ledger.engines.running(event);
        if (share !== undefined && share.decodeEngine !== event.to)
          report(`KV of ${event.stage} arrives at ${event.to}, it went to ${share.decodeEngine ?? "no engine"}`);
      },
      "decode-start": (event) => {
        const share = ledger.engines.running(event);
        expectStep(event, [share?.phase === "decode" ? "started" : "prefilled"]);
        if (share?.phase === "prefill") report(`${event.stage}#${event.share} decodes on its prefill engine`);
        if (share?.stage.kind === "embed") report(`${event.stage} is an embedding and decodes nothing`);
      },
      "decode-end": (event) => expectStep(event, ["decoding"]),
      "share-preempt": (event) => {
        expectStep(event, ["started", "prefilling", "decoding"]);
        if (ledger.engine(event.engine)?.costs.engine.batching.kind === "exclusive")
          report(`${event.stage}#${event.share} is preempted on an exclusive engine`);
      },
      "share-end": (event) => {
        const share = ledger.engines.running(event);
        const last = share?.phase === "prefill" ? "sent" : share?.stage.kind === "embed" ? "prefilled" : "decoded";
        expectStep(event, [last]);
        if (share !== undefined && share.phase !== event.phase)
          report(`${event.stage}#${event.share} ends phase ${event.phase}, it was in ${share.phase}`);
      },
      "tool-start": ({ stage, atUs }) => {
        const row = ledger.stages.get(stage);
        if (row === undefined) return;
        if (row.stage.kind !== "tool") report(`${stage} is not a tool`);
        else if (row.status !== "ready") report(`${stage} starts, but it is ${row.status}`);
        else if (isLate(atUs, row.parentsEndUs)) report(`${stage} starts after it became ready`);
      },
      "tool-end": ({ stage }) => {
        const row = ledger.stages.get(stage);
        if (row !== undefined && row.status !== "tool") report(`${stage} ends as a tool, but it is ${row.status}`);
      },
      "stage-end": ({ stage, atUs }) => {
        const row = ledger.stages.get(stage);
        if (row === undefined) return;
        if (row.stage.kind === "tool") {
          if (row.status !== "tool-ended") report(`${stage} ends, but its tool has not`);
          else if (isLate(atUs, row.toolEndUs)) report(`${stage} ends later than its tool`);
        } else if (row.status !== "placed" || row.sharesLeft > 0)
          report(`${stage} ends while it is ${row.status} with ${row.sharesLeft} shares left`);
      },
      "stage-lost": ({ stage, reason }) => {
        const row = ledger.stages.get(stage);
        if (row === undefined) return;
        if (row.status !== "placed") report(`${stage} is lost, but it is ${row.status}`);
        else if (reason === "result-lost" && row.sharesLeft > 0)
          report(`the result of ${stage} is lost while ${row.sharesLeft} shares are left`);
      },
      "workflow-end": ({ workflow, atUs }) => {
        const row = ledger.workflows.get(workflow);
        if (row === undefined) return;
        if (row.openStages > 0) report(`workflow ${workflow} ends while ${row.openStages} of its stages have not`);
        if (isLate(atUs, row.lastEndUs)) report(`workflow ${workflow} ends after its last stage`);
      },
    };
  },
};
