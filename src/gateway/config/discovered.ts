/** Engines that a configuration does not name itself: those of its discovery file, and those that a host name resolves to. */

import { InputError } from "../../trace/input-error.ts";
import { showPath } from "../../trace/path.ts";
import { readDocument } from "../../trace/read-document.ts";
import { object, parseAs, withDefault } from "../../trace/shape.ts";
import { checkEngines } from "./check-engines.ts";
import type { Config, EngineConfig } from "./config.ts";
import { enginesShape } from "./engine-shape.ts";
import { addEntries } from "./fill-in.ts";

const engineFileShape = object({ engines: withDefault(enginesShape, []) });

/** The engines of a discovery file, as they would be if they stood in the configuration; or an InputError. */
export function parseEngineFile(config: Config, text: string, where: string): readonly EngineConfig[] {
  const { value, lineOf } = readDocument(text, where);
  const { engines } = parseAs(engineFileShape, value ?? {}, where);
  const before = config.engines.length;
  const whole = addEntries(config, engines);
  for (const { path, found, expected } of checkEngines(whole, whole.engines.length)) {
    const [section, index, ...rest] = path;
    if (typeof index !== "number" || index < before) continue;
    const here = [section ?? "engines", index - before, ...rest];
    throw new InputError(where, `line ${lineOf(here) ?? 1}: ${showPath(here)}`, found, expected);
  }
  return whole.engines.slice(before);
}
