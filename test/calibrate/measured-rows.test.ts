import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMeasuredRows } from "../../src/calibrate/measured-rows.ts";
import { InputError } from "../../src/trace/input-error.ts";

const header =
  "id,silicon_data_source,backend_version,model_path,system,mode,isl,osl,gemm_quant_mode,moe_quant_mode," +
  "batch_size,tp_size,pp_size,attention_dp_size,silicon_ttft_ms,silicon_tpot_ms";
const good = "row_1,c=8,0.12.0,Qwen/Qwen3-32B,h100_sxm,agg,1024,128,,,8,2,1,,154.2,18.0";

test("a row is read as it stands", () => {
  expect(parseMeasuredRows("rows.csv", `${header}\n${good}\n`)).toEqual([
    {
      id: "row_1",
      line: 2,
      protocol: "fixed",
      modelPath: "Qwen/Qwen3-32B",
      system: "h100_sxm",
      gemmType: "",
      expertType: "",
      promptTokens: 1024,
      outputTokens: 128,
      concurrency: 8,
      tensorParallel: 2,
      dataParallel: 1,
      pipelineParallel: 1,
      mode: "agg",
      firstTokenMs: 154.2,
      perTokenMs: 18,
    },
  ]);
});

test("the protocol follows from where a row was measured", () => {
  const dated = good.replace("row_1", "2026_04_06_llama").replace("0.12.0", "");
  const ofNode = good.replace("c=8", "gtl_job_id=1; x").replace(",8,2,1,", ",48,2,1,");
  const rows = parseMeasuredRows("rows.csv", `${header}\n${dated}\n${ofNode}`);
  expect(rows.map(({ protocol, concurrency }) => [protocol, concurrency])).toEqual([
    ["spread", 8],
    ["node", 12],
  ]);
});

test.each([
  ["18.0", "fast", 'rows.csv: line 2, silicon_tpot_ms: found "fast", expected a number of at least 5e-324'],
  [",1024,", ",,", 'rows.csv: line 2, isl: found "", expected a number of at least 1'],
  [",1024,", ",10.5,", 'rows.csv: line 2, isl: found "10.5", expected a whole number up to 1000000'],
  [",2,1,", ",0,1,", 'rows.csv: line 2, tp_size: found "0", expected a number of at least 1'],
  ["Qwen/Qwen3-32B", "", "rows.csv: line 2, model_path: found nothing, expected the name of a model"],
])("%s written as %s is refused with its place", (from, to, message) => {
  expect(() => parseMeasuredRows("rows.csv", `${header}\n${good.replace(from, to)}`)).toThrow(message);
});

test("a missing column is named", () => {
  expect(() => parseMeasuredRows("rows.csv", "id,isl\n")).toThrow(
    /expected a header with the column silicon_data_source/,
  );
});

test("whatever text is read, nothing but an InputError escapes", () => {
  const field = fc.oneof(fc.string(), fc.constantFrom(...good.split(",")), fc.double().map(String));
  const line = fc.oneof(
    fc.string(),
    fc.array(field, { maxLength: 20 }).map((fields) => fields.join(",")),
  );
  const text = fc
    .tuple(fc.oneof(fc.constant(header), fc.string()), fc.array(line, { maxLength: 4 }))
    .map(([head, lines]) => [head, ...lines].join("\n"));
  fc.assert(
    fc.property(text, (csv) => {
      try {
        parseMeasuredRows("rows.csv", csv);
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
      }
    }),
    { seed: 1, numRuns: 1000 },
  );
});
