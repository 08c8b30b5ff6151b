/**
 * An agent session as calls of three models: a planner splits the task, explorers look around side by side, a coder works on
 * what they found, step after step, and the planner judges. Each keeps a conversation that grows; children read their parents'
 * answers. Which texts and lengths is decided by seed; what the models answer is not, and goes into the next prompts as it is.
 */

import { createRng, type Rng } from "../random/rng.ts";
import { drawInteger, drawOne } from "../random/distributions.ts";

export type SessionPlan = {
  readonly id: string;
  readonly seed: number;
  readonly models: { readonly planner: string; readonly explorer: string; readonly coder: string };
  /** Planner, explorers and coder take turns this many times. */
  readonly rounds: number;
  readonly explorers: number;
  /** Turns of each explorer, and of the coder, in a round. */
  readonly turns: number;
};

export type Session = { readonly id: string; readonly steps: readonly SessionStep[] };

export type SessionStep = {
  readonly id: string;
  readonly model: string;
  /** Steps of one thread are one conversation. */
  readonly thread: string;
  /** Opens the thread's conversation. Equal for all threads of a role. */
  readonly system: string;
  /** Its thread's step before it is one of them. All stand before it in the list. */
  readonly parents: readonly string[];
  /** New in this step; the answers of parents from other threads follow it. */
  readonly says: string;
  readonly answerTokens: number;
  readonly final: boolean;
};

export function createSession({ id, seed, models, rounds, explorers, turns }: SessionPlan): Session {
  const rng = createRng(seed, `session ${id}`);
  const steps: SessionStep[] = [];
  const add = (role: Role, thread: string, name: string, parents: readonly string[], final = false): string => {
    const before = steps.findLast((step) => step.thread === thread);
    const own = rng.stream(name);
    const texts = roles[role];
    steps.push({
      id: name,
      model: models[role],
      thread,
      system: writeText(createRng(1, role), texts.systemWords),
      parents: before === undefined ? parents : [...new Set([before.id, ...parents])],
      says: writeText(own, drawInteger(own, ...texts.words)),
      answerTokens: drawInteger(own, ...texts.answerTokens),
      final,
    });
    return name;
  };
  let asked = add("planner", "plan", "plan-0", []);
  for (let round = 1; round <= rounds; round++) {
    const found = Array.from({ length: explorers }, (_, explorer) => {
      const thread = `explore-${round}-${explorer + 1}`;
      let last = asked;
      for (let turn = 1; turn <= turns; turn++) last = add("explorer", thread, `${thread}-${turn}`, [last]);
      return last;
    });
    let made = found;
    for (let turn = 1; turn <= turns; turn++) made = [add("coder", "code", `code-${round}-${turn}`, made)];
    asked = add("planner", "plan", `plan-${round}`, made, round === rounds);
  }
  return { id, steps };
}

type Role = keyof SessionPlan["models"];
type Range = readonly [least: number, most: number];
type RoleTexts = {
  readonly systemWords: number;
  readonly words: Range;
  readonly answerTokens: Range;
};

const roles: Readonly<Record<Role, RoleTexts>> = {
  planner: { systemWords: 40, words: [20, 40], answerTokens: [20, 40] },
  explorer: { systemWords: 25, words: [15, 60], answerTokens: [8, 24] },
  coder: { systemWords: 60, words: [10, 30], answerTokens: [30, 60] },
};

const words = (
  "add agent answer branch build cache call change check class close code compare count data draw edge error field file " +
  "find fix graph index key line list load lock loop map merge model move name node open order parse path plan queue read " +
  "return route rule run save search send sort start state step stop store stream table task test text token trace tree"
).split(" ");

function writeText(rng: Rng, count: number): string {
  return `${Array.from({ length: count }, () => drawOne(rng, words)).join(" ")}.`;
}
