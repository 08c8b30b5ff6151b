/**
 * Writes a generated workload as JSON lines while it is generated: in turns, so that an interrupt is heard, and never with all
 * workflows in memory. The header stands first and names the models that all of them call, which is known last: until then
 * lines wait in memory. Where they are too long for that, all workflows are generated once more, to be written.
 */

import { setImmediate } from "node:timers/promises";
import { showBytes } from "../experiment/format.ts";
import type { Model } from "../model/model.ts";
import type { Workflow } from "../model/workflow.ts";
import { generateWorkflows, workloadId, type GenerateOptions } from "../trace/generate/generate-workload.ts";
import { maxTextBytes } from "../trace/limits.ts";
import { namedModels, writeHeader, writeLine } from "../trace/workload-file.ts";
import { createProgress } from "./progress-line.ts";
import type { Terminal } from "./terminal.ts";

const mostWaiting = 2 ** 28;

type Told = { readonly workflows: number; readonly stages: number };

/** `mostCharacters` may wait. */
export async function writeGenerated(
  options: GenerateOptions,
  write: (text: string) => void,
  terminal: Terminal,
  mostCharacters = mostWaiting,
): Promise<Told> {
  const models: Model[] = [];
  let waiting: string[] = [];
  let characters = 0;
  let stages = 0;
  for await (const workflow of generateInTurns(options, "generated", terminal)) {
    models.push(...namedModels([workflow], models));
    stages += workflow.stages.length;
    const line = writeLine(workflow);
    characters += line.length;
    if (characters <= mostCharacters) waiting.push(line);
    else waiting = [];
  }
  write(writeHeader(workloadId(options), models));
  if (characters <= mostCharacters) for (const line of waiting) write(line);
  else for await (const workflow of generateInTurns(options, "written", terminal)) write(writeLine(workflow));
  terminal.endProgress();
  if (characters > maxTextBytes)
    terminal.note(
      `these are ${showBytes(characters)}, and fate reads ${showBytes(maxTextBytes)} of a workload at most`,
    );
  return { workflows: options.count, stages };
}

async function* generateInTurns(options: GenerateOptions, done: string, terminal: Terminal): AsyncGenerator<Workflow> {
  const progress = createProgress(terminal);
  let count = 0;
  for (const workflow of generateWorkflows(options)) {
    yield workflow;
    count += 1;
    progress(count / options.count, `${count} of ${options.count} workflows ${done}`);
    await setImmediate();
    terminal.signal.throwIfAborted();
  }
}
