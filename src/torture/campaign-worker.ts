/** The thread's side of a campaign: lives through the worlds it is sent, one after another. */

import { strict as assert } from "node:assert";
import { parentPort } from "node:worker_threads";
import type { CampaignReport, CampaignTask } from "./campaign.ts";
import { torture } from "./torture.ts";

const port = parentPort;
assert(port !== null, "campaign-worker runs as a worker thread only");

const say = (report: CampaignReport): void => port.postMessage(report);

async function run({ seeds, off, ...rest }: CampaignTask): Promise<void> {
  for (const seed of seeds) {
    const result = await torture({ seed, off: new Set(off), ...rest });
    say({ result });
    if (result.violations.length > 0) break;
  }
  say({ done: true });
}

port.on("message", (task: CampaignTask) => void run(task));
