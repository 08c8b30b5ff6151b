/** `fate doctor`: looks at the configuration, this machine and every engine, and says what to mend. */

import { createAdapter } from "../gateway/adapter/create-adapter.ts";
import type { Finding } from "../gateway/config/inspect/finding.ts";
import { inspect } from "../gateway/config/inspect/inspect.ts";
import { realSurroundings, type Surroundings } from "../gateway/config/inspect/surroundings.ts";
import { openStore, type StoreOptions } from "../store/open-store.ts";
import type { Lease } from "../store/store.ts";
import { command, type Command } from "./arguments.ts";

export const doctorCommand = createDoctorCommand(() => {
  const { env } = process;
  const listLeases = async (config: StoreOptions): Promise<readonly Lease[]> => {
    await using store = await openStore(config, { env, nowMs: () => performance.now(), readOnly: true });
    return await store.listLeases("");
  };
  const tryStore = async (config: StoreOptions): Promise<void> => {
    await listLeases(config).catch((error: unknown) => {
      if (!isWithoutTables(error)) throw error;
    });
  };
  return { ...realSurroundings, env, listLeases, tryStore, createAdapter: (engine) => createAdapter(engine, { env }) };
});

/** Of a database that is empty: the gateway makes its tables when it starts. */
function isWithoutTables(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { cause } = error;
  const isUndefinedTable = cause instanceof Error && "code" in cause && cause.code === "42P01";
  return isUndefinedTable || error.message.includes("no such table: fate_migrations");
}

export function createDoctorCommand(createWorld: () => Surroundings): Command {
  return command({
    name: "doctor",
    summary: "look at fate.yaml, this machine and every engine, and say what to mend",
    usage: "doctor [--config FILE] [--json]",
    options: [
      {
        name: "config",
        kind: "text",
        shows: "a YAML file",
        summary: "instead of fate.yaml in this directory, or the built-in configuration",
      },
      { name: "json", kind: "flag", summary: "as JSON" },
    ],
    positionals: [],
    examples: ["fate doctor", "fate doctor --config examples/fate.yaml"],
    run: async ({ values, terminal }) => {
      const findings = await inspect(values.config, createWorld(), terminal.signal);
      terminal.out(values.json ? `${JSON.stringify(findings, undefined, 2)}\n` : render(findings));
      return exitCode(findings);
    },
  });
}

/** 2 if the gateway would not start with this file, 1 if something will not work, else 0. */
function exitCode(findings: readonly Finding[]): number {
  if (findings.some(({ level }) => level === "refusal")) return 2;
  return findings.some(({ level }) => level === "fault") ? 1 : 0;
}

const marks = { fine: "ok", note: "note", warning: "warning", fault: "fault", refusal: "refused" } as const;

function render(findings: readonly Finding[]): string {
  return findings
    .map(({ level, about, what, mend }) => {
      const advice = mend === undefined ? "" : `; ${mend}`;
      return `${marks[level].padEnd(8)} ${about}: ${what}${advice}\n`.replaceAll(/\s*[\r\n]+\s*(?!$)/g, " ");
    })
    .join("");
}
