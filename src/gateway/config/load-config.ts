/** Finds the configuration: the file that is named, else `fate.yaml` in the working directory, else the built-in one. */

import { InputError } from "../../trace/input-error.ts";
import type { Config } from "./config.ts";
import { embeddedName, embeddedText } from "./embedded.ts";
import type { Environment } from "./environment.ts";
import { examineConfig, parseConfig } from "./parse-config.ts";

const usualFile = "fate.yaml";

export type LoadOptions = {
  /** As the command line names it. */
  readonly path?: string;
  readonly env: Environment;
  /** The whole of a file; rejects as `node:fs` does. */
  readonly read: (path: string) => Promise<string>;
};

export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { text, where } = await findConfigText(options);
  return parseConfig(text, where, options.env);
}

/** The same for a gateway that is to start with it: what else keeps it from that is an InputError too. */
export async function loadConfigToServe(options: LoadOptions): Promise<{ config: Config; where: string }> {
  const { text, where } = await findConfigText(options);
  const { config, faults, obstacles } = examineConfig(text, where, options.env);
  if (config === undefined) throw faults[0];
  if (obstacles[0] !== undefined) throw obstacles[0];
  return { config, where };
}

export type ConfigText = {
  readonly text: string;
  readonly where: string;
  /** The file that it came from; absent for the built-in one. */
  readonly path?: string;
};

export async function findConfigText({ path, read }: LoadOptions): Promise<ConfigText> {
  const file = path ?? usualFile;
  try {
    return { text: await read(file), where: file, path: file };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException | undefined)?.code;
    if (path === undefined && code === "ENOENT") return { text: embeddedText, where: embeddedName };
    throw new InputError(file, "", reasonOf(code), "a file that can be read");
  }
}

function reasonOf(code: string | undefined): string {
  if (code === "ENOENT") return "no such file";
  if (code === "EACCES" || code === "EPERM") return "a file that this user may not read";
  return code === "EISDIR" ? "a directory" : `a fault (${code ?? "unknown"})`;
}
