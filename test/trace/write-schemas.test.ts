import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse as parseYamlText } from "yaml";
import { clusterShape } from "../../src/trace/cluster-shape.ts";
import { parseAs, type Shape } from "../../src/trace/shape.ts";
import { workloadShape } from "../../src/trace/workload-shape.ts";
import { renderSchema, schemas } from "../../src/trace/write-schemas.ts";
import { attempt, broken, type Json, workloadDocument } from "./documents.ts";
import { portionOf } from "../support/portion.ts";

test("the published schemas are those of the shapes; if not, run `node src/trace/write-schemas.ts`", () => {
  for (const [file, schema] of Object.entries(schemas))
    expect(readFileSync(`schema/${file}`, "utf8")).toBe(renderSchema(schema));
  expect(readdirSync("schema").filter((file) => file in schemas)).toHaveLength(Object.keys(schemas).length);
});

const clusterDocument = fc.constant(parseYamlText(readFileSync("examples/cluster.yaml", "utf8")) as Json);

test.each([
  ["workload", "workload.schema.json", workloadShape as Shape<unknown>, workloadDocument],
  ["cluster", "cluster.schema.json", clusterShape as Shape<unknown>, clusterDocument],
])("the %s schema and its shape accept the same documents", (_, file, shape, document) => {
  const validate = new Ajv2020({ strict: true, allErrors: false }).compile(schemas[file] ?? false);
  let accepted = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.oneof(document, broken(document), broken(document)), (found) => {
      const value: unknown = JSON.parse(JSON.stringify(found));
      const outcome = attempt(() => parseAs(shape, value, "f"));
      expect({ accepts: validate(value), found }).toEqual({ accepts: outcome.ok, found });
      if (outcome.ok) accepted++;
      else refused++;
    }),
    { numRuns: portionOf(700) },
  );
  expect(Math.min(accepted, refused)).toBeGreaterThan(portionOf(100));
});
