/** `node examples/llama/replay.ts [URL] [SEED]`: replays an agent session on a gateway and prints what each step took. */

import { replaySession } from "../../src/llama/replay-session.ts";
import { createSession } from "../../src/llama/session.ts";

const [url = "http://127.0.0.1:7373", seed = "1"] = process.argv.slice(2);
const models = { planner: "planner", explorer: "explorer", coder: "coder" };
const session = createSession({ id: `session-${seed}`, seed: Number(seed), models, rounds: 2, explorers: 3, turns: 2 });
const results = await replaySession(session, {
  url,
  signal: AbortSignal.timeout(60_000),
  nowMs: () => performance.now(),
});
const [first] = results;
for (const { step, startMs, endMs, promptTokens, cachedTokens, outputTokens } of results) {
  const at = Math.round(startMs - (first?.startMs ?? 0));
  process.stdout.write(
    `${String(at).padStart(6)} ms  ${step.id.padEnd(16)} ${step.model.padEnd(9)} ${String(Math.round(endMs - startMs)).padStart(5)} ms  ` +
      `${promptTokens} prompt tokens, ${cachedTokens} of them cached, ${outputTokens} of answer\n`,
  );
}
