/**
 * `fate.yaml` to a configuration. Text becomes values, environment variables go over them, shapes are checked, defaults that
 * depend on other entries are filled in, and names are resolved. Every fault says where it stands and what to write instead.
 */

import { InputError } from "../../trace/input-error.ts";
import { readPath, showPath, type Path } from "../../trace/path.ts";
import { showShort } from "../../trace/place.ts";
import { readDocument, type ReadDocument } from "../../trace/read-document.ts";
import { parseAs, type Shape } from "../../trace/shape.ts";
import { checkConfig } from "./check-config.ts";
import { checkFit } from "./check-fit.ts";
import type { Config } from "./config.ts";
import { configShape, sections, type ConfigEntry } from "./config-shape.ts";
import { lists } from "./list-shapes.ts";
import { applyEnvironment, type Environment } from "./environment.ts";
import { fault, type Fault } from "./fault.ts";
import { fillIn } from "./fill-in.ts";
import { checkVariables } from "./variables.ts";

export type Examined =
  | {
      readonly config: Config;
      readonly faults: readonly [];
      /** What keeps a gateway from starting with it here, though the file is sound: unset variables, engines with room for nothing. */
      readonly obstacles: readonly InputError[];
    }
  | {
      readonly config?: never;
      readonly faults: readonly [InputError, ...InputError[]];
      readonly obstacles?: never;
    };

/** The configuration, or an InputError with its first fault. */
export function parseConfig(text: string, where: string, env: Environment = {}): Config {
  const { config, faults } = examineConfig(text, where, env);
  if (config === undefined) throw faults[0];
  return config;
}

/** The configuration, or its faults: the first of each entry and section, or else all that do not agree with one another. */
export function examineConfig(text: string, where: string, env: Environment = {}): Examined {
  let document: ReadDocument;
  try {
    document = readDocument(text, where);
  } catch (error) {
    if (error instanceof InputError) return { faults: [error] };
    throw error;
  }
  // An empty file is one that says nothing.
  const written = document.value ?? {};
  // Variables would go over anything else as if it were not there.
  if (typeof written !== "object" || Array.isArray(written))
    return { faults: [new InputError(where, "", showShort(written), "a map with keys such as engines")] };
  const { value, setBy, faults: refused } = applyEnvironment(written, env);
  const [first, ...more] = [...refused, ...shapeFaults(value)];
  if (first !== undefined) return { faults: [toError(first), ...more.map(toError)] };
  const entry: ConfigEntry = parseAs(configShape, value, where);
  const config = fillIn(entry, env);
  const [firstClash, ...moreClashes] = checkConfig(config, entry);
  if (firstClash !== undefined) return { faults: [toError(firstClash), ...moreClashes.map(toError)] };
  return { config, faults: [], obstacles: [...checkVariables(config, env), ...checkFit(config)].map(toError) };

  function toError({ path, found, expected }: Fault): InputError {
    const shown = showPath(path);
    const set = setBy(path);
    if (set !== undefined) {
      const exact = set.path.length === path.length;
      return new InputError("environment", exact ? set.variable : `${set.variable}: ${shown}`, found, expected);
    }
    const line = document.lineOf(path);
    return new InputError(where, line === undefined ? shown : `line ${line}: ${shown}`, found, expected);
  }
}

/** The first fault of each section, and of each entry of the long lists. */
function shapeFaults(value: unknown): readonly Fault[] {
  const whole = faultOf(configShape, value, []);
  if (whole === undefined) return [];
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [whole];
  const known = value as Readonly<Record<string, unknown>>;
  const parts = Object.entries(sections).flatMap(([name, shape]) => {
    if (!Object.hasOwn(known, name)) return [];
    const found = known[name];
    const entries = Array.isArray(found) && Object.hasOwn(lists, name) ? lists[name as keyof typeof lists] : undefined;
    const faults =
      entries === undefined ? [] : (found as unknown[]).map((each, index) => faultOf(entries, each, [name, index]));
    const some = faults.filter((each) => each !== undefined);
    return some.length > 0 ? some : (faultOf(shape, found, [name]) ?? []);
  });
  const unknown = Object.keys(known)
    .filter((name) => !Object.hasOwn(sections, name))
    .map((name) => faultOf(configShape, { [name]: known[name] }, []) ?? whole);
  const all = [...unknown, ...parts];
  return all.length > 0 ? all : [whole];
}

function faultOf(shape: Shape<unknown>, value: unknown, above: Path): Fault | undefined {
  try {
    parseAs(shape, value, "");
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return fault([...above, ...readPath(error.place)], error.found, error.expected);
    throw error;
  }
}
