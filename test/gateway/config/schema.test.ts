import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse as parseYamlText } from "yaml";
import { configShape } from "../../../src/gateway/config/config-shape.ts";
import { shortNames } from "../../../src/gateway/config/environment.ts";
import { gpuNames } from "../../../src/gateway/config/gpu-of.ts";
import { embeddedText } from "../../../src/gateway/config/embedded.ts";
import { configSchema, renderConfigSchema, renderKeyTables } from "../../../src/gateway/config/publish.ts";
import { parseAs } from "../../../src/trace/shape.ts";
import { attempt, broken, type Json } from "../../trace/documents.ts";
import { configDocument } from "./documents.ts";

test("the published schema is that of the shapes; if not, run `node src/gateway/config/publish.ts`", () => {
  expect(readFileSync("schema/fate.schema.json", "utf8")).toBe(renderConfigSchema());
});

test("the documented keys and defaults are those of the shapes; if not, the same", () => {
  const page = readFileSync("docs/configuration.md", "utf8");
  // How wide columns are is the formatter's business.
  const plain = (text: string): string => text.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---");
  expect(plain(page)).toBe(plain(renderKeyTables(page)));
  const tables = [...page.matchAll(/<!-- keys of ([\w.]+) -->/g)].map(([, section]) => section);
  const sections = Object.entries(configSchema["properties"] as Record<string, { type?: string }>)
    .filter(([, { type }]) => type === "object" || type === "array")
    .map(([name]) => name);
  expect(tables).toEqual(expect.arrayContaining([...sections, "file", "declared.tools", "discovery.dns"]));
});

test("the documented variables and GPU kinds are all there are", () => {
  const page = readFileSync("docs/configuration.md", "utf8");
  for (const [variable, path] of Object.entries(shortNames))
    expect(page.replaceAll(/ +/g, " ")).toContain(`| \`${variable}\` | \`${path.join(".")}\` |`);
  for (const gpu of gpuNames) expect(page).toContain(`\`${gpu}\``);
});

const written = ["examples/fate.yaml", "examples/fate-home.yaml"].map((file) => readFileSync(file, "utf8"));
const whole = fc.constantFrom(...[...written, embeddedText].map((text) => parseYamlText(text) as Json));

test("schema and shape accept the same documents", () => {
  const validate = new Ajv2020({ strict: true, allErrors: false }).compile(configSchema);
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.oneof(whole, configDocument, broken(whole), broken(configDocument)), (found) => {
      const value: unknown = JSON.parse(JSON.stringify(found));
      const outcome = attempt(() => parseAs(configShape, value, "f"));
      expect({ accepts: validate(value), found }).toEqual({ accepts: outcome.ok, found });
      if (outcome.ok) accepted++;
      else refused++;
    }),
    { numRuns: 200 },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(20);
});
