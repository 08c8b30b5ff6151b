import { expect, test } from "vitest";
import { findReleased } from "../../src/catalogue/models.ts";

test.each([
  ["Qwen/Qwen3-32B", "", "", "qwen3-32b", 65.5],
  ["Qwen/Qwen3-32B", "fp8", "fp8", "qwen3-32b-fp8", 34.3],
  ["meta-llama/Llama-3.3-70B-Instruct", "", "", "llama-3.1-70b", 141.1],
  ["nvidia/Llama-3.1-70B-Instruct-FP8", "", "", "llama-3.1-70b-fp8", 72.7],
  ["openai/gpt-oss-120b", "bfloat16", "w4a16_mxfp4", "gpt-oss-120b", 65.1],
  ["openai/gpt-oss-120b", "", "", "gpt-oss-120b", 65.1],
  ["deepseek-ai/DeepSeek-R1-0528", "fp8_block", "fp8_block", "deepseek-v3", 672.8],
  ["Qwen/Qwen3-235B-A22B-Instruct-2507-FP8", "", "", "qwen3-235b-a22b-fp8", 236.3],
  ["mistralai/Mixtral-8x7B-Instruct-v0.1", "", "", "mixtral-8x7b", 93.4],
  ["meta-llama/Llama-4-Scout-17B-16E-Instruct", "", "", "llama-4-scout", 215.5],
])("%s (%s, %s) is %s", (path, gemmType, expertType, id, gigabytes) => {
  const model = findReleased(path, gemmType, expertType);
  expect(model?.id).toBe(id);
  expect(Number(((model?.weightBytes ?? 0) / 1e9).toFixed(1))).toBe(gigabytes);
});

test("an unknown architecture is not guessed", () => {
  expect(findReleased("acme/Frobnicator-9000B")).toBeUndefined();
});
