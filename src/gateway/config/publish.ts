/**
 * Writes what is published of the shapes: `schema/fate.schema.json`, and the tables of keys in `docs/configuration.md`.
 * `node src/gateway/config/publish.ts`; a test holds both files to this.
 */

import { readFileSync, writeFileSync } from "node:fs";
import type { JsonSchema } from "../../trace/shape.ts";
import { configShape } from "./config-shape.ts";

export const configSchema: JsonSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  $id: "fate.schema.json",
  title: "Fate gateway",
  ...configShape.schema,
};

export function renderConfigSchema(): string {
  return `${JSON.stringify(configSchema, null, 2)}\n`;
}

const marked = /(<!-- keys of ([\w.]+) -->)[\s\S]*?(<!-- end -->)/g;

/** The text with every table between marks made anew. */
export function renderKeyTables(text: string): string {
  return text.replaceAll(marked, (_, begin: string, section: string, end: string) => {
    return `${begin}\n\n${renderTable(section)}\n\n${end}`;
  });
}

type Properties = Readonly<Record<string, JsonSchema>>;

/** The keys of a section, of an entry of a list, or of the file itself. */
function renderTable(section: string): string {
  const schema = section === "file" ? configSchema : stepDown(configSchema, section.split("."));
  const { properties = {}, required = [] } = schema as { properties?: Properties; required?: readonly string[] };
  const rows = Object.entries(properties).map(([key, each]) => {
    const fallback = required.includes(key) ? "required" : showDefault(each);
    const { description = "" } = each as { readonly description?: string };
    return `| \`${key}\` | ${showKind(each)} | ${fallback} | ${description} |`;
  });
  return ["| key | value | default | what |", "| --- | --- | --- | --- |", ...rows].join("\n");
}

function stepDown(schema: JsonSchema, [step, ...rest]: readonly string[]): JsonSchema {
  if (step === undefined) return schema;
  const { properties = {} } = schema as { properties?: Properties };
  const next = properties[step];
  if (next === undefined) throw new Error(`no key ${step} to make a table of`);
  return stepDown((next["items"] as JsonSchema | undefined) ?? next, rest);
}

function showDefault(schema: JsonSchema): string {
  if (!("default" in schema)) return schema["type"] === "object" ? "see below" : "-";
  const { default: value } = schema as { readonly default?: string | number | boolean | object };
  if (typeof value === "object") return "none";
  if (typeof value === "number" && value >= 1e9) return `\`${value.toExponential().replace("+", "")}\``;
  return value === "" ? '`""`' : `\`${value}\``;
}

function showKind(schema: JsonSchema): string {
  const {
    enum: words,
    const: only,
    type,
    minimum,
    maximum,
  } = schema as {
    readonly enum?: readonly unknown[];
    readonly const?: unknown;
    readonly type?: string;
    readonly minimum?: number;
    readonly maximum?: number;
  };
  if (words !== undefined) return words.map((word) => `\`${String(word)}\``).join(", ");
  if (only !== undefined) return `\`${JSON.stringify(only)}\``;
  if (type === "integer" || type === "number") {
    const least = minimum ?? "above 0";
    return `${least} to ${maximum === undefined ? "any" : showBound(maximum)}`;
  }
  return { string: "text", boolean: "`true`, `false`", array: "list", object: "map" }[type ?? ""] ?? "text or map";
}

/** As people would write it. */
function showBound(value: number): string {
  const power = Math.log2(value);
  if (value >= 2 ** 20 && Number.isInteger(power)) return `2^${power}`;
  return value >= 1e13 ? value.toExponential().replace("+", "") : value.toLocaleString("en");
}

if (import.meta.main) {
  writeFileSync(new URL("../../../schema/fate.schema.json", import.meta.url), renderConfigSchema());
  const page = new URL("../../../docs/configuration.md", import.meta.url);
  writeFileSync(page, renderKeyTables(readFileSync(page, "utf8")));
}
