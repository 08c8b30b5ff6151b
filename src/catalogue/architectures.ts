/** Published configurations (`config.json` of the released weights) of the models that Fate knows by name. */

import { mxfp4Bytes, type Architecture, type Mixture } from "./architecture.ts";

const of = (
  id: string,
  layers: number,
  hiddenSize: number,
  attentionHeads: number,
  kvHeads: number,
  headSize: number,
  innerSize: number,
  vocabulary: number,
  more: Partial<Architecture> = {},
): Architecture => ({ id, layers, hiddenSize, attentionHeads, kvHeads, headSize, innerSize, vocabulary, ...more });

const tied = { tied: true } as const;

const dense: readonly Architecture[] = [
  of("llama-3.2-1b", 16, 2048, 32, 8, 64, 8192, 128256, tied),
  of("llama-3.2-3b", 28, 3072, 24, 8, 128, 8192, 128256, tied),
  of("llama-3.1-8b", 32, 4096, 32, 8, 128, 14336, 128256),
  of("llama-3.1-70b", 80, 8192, 64, 8, 128, 28672, 128256),
  of("llama-3.1-405b", 126, 16384, 128, 8, 128, 53248, 128256),
  of("llama-2-7b", 32, 4096, 32, 32, 128, 11008, 32000),
  of("llama-2-13b", 40, 5120, 40, 40, 128, 13824, 32000),
  of("llama-2-70b", 80, 8192, 64, 8, 128, 28672, 32000),
  of("llama-1-30b", 60, 6656, 52, 52, 128, 17920, 32000),
  // Two matrices of four times the hidden size, as many parameters as three of 8/3.
  of("bloom-176b", 70, 14336, 112, 112, 128, (14336 * 8) / 3, 250880, tied),
  of("mistral-7b", 32, 4096, 32, 8, 128, 14336, 32768),
  of("mistral-small-24b", 40, 5120, 32, 8, 128, 32768, 131072),
  of("mistral-large-123b", 88, 12288, 96, 8, 128, 28672, 32768),
  of("phi-4-14.7b", 40, 5120, 40, 10, 128, 17920, 100352),
  of("qwen2.5-0.5b", 24, 896, 14, 2, 64, 4864, 151936, tied),
  of("qwen2.5-1.5b", 28, 1536, 12, 2, 128, 8960, 151936, tied),
  of("qwen2.5-3b", 36, 2048, 16, 2, 128, 11008, 151936, tied),
  of("qwen2.5-7b", 28, 3584, 28, 4, 128, 18944, 152064),
  of("qwen2.5-14b", 48, 5120, 40, 8, 128, 13824, 152064),
  of("qwen2.5-32b", 64, 5120, 40, 8, 128, 27648, 152064),
  of("qwen2.5-72b", 80, 8192, 64, 8, 128, 29568, 152064),
  of("qwen3-0.6b", 28, 1024, 16, 8, 128, 3072, 151936, tied),
  of("qwen3-1.7b", 28, 2048, 16, 8, 128, 6144, 151936, tied),
  of("qwen3-4b", 36, 2560, 32, 8, 128, 9728, 151936, tied),
  of("qwen3-8b", 36, 4096, 32, 8, 128, 12288, 151936),
  of("qwen3-14b", 40, 5120, 40, 8, 128, 17408, 151936),
  of("qwen3-32b", 64, 5120, 64, 8, 128, 25600, 151936),
  of("gemma-2-9b", 42, 3584, 16, 8, 256, 14336, 256000, tied),
  of("gemma-2-27b", 46, 4608, 32, 16, 128, 36864, 256000, tied),
  // Five layers of six keep a window of 1,024 tokens only; what a token keeps is counted for long contexts.
  of("gemma-3-12b", 48, 3840, 16, 8, 256, 15360, 262208, { tied: true, kvElements: (2 * 8 * 256) / 3 }),
  of("gemma-3-27b", 62, 5376, 32, 16, 128, 21504, 262208, { tied: true, kvElements: (2 * 16 * 128) / 3 }),
];

const mix = (experts: number, perToken: number, innerSize: number, more: Partial<Mixture> = {}) => ({
  mixture: { experts, perToken, innerSize, ...more },
});

/** Query, key and value through low ranks: 512 latent and 64 rotary elements a token. */
const latent = (heads: number): Partial<Architecture> => ({
  attentionParameters: 7168 * 1536 + 1536 * heads * 192 + 7168 * 576 + 512 * heads * 256 + heads * 128 * 7168,
  kvElements: 576,
  native: { precision: "fp8" },
});

/** Three layers of four replace attention by a linear recurrence, which keeps nothing per token. */
const hybrid = (hiddenSize: number, valueSize: number, kvHeads: number): Partial<Architecture> => ({
  attentionParameters: hiddenSize * (4096 + 3 * valueSize),
  kvElements: (2 * kvHeads * 256) / 4,
});

const mxfp4 = { precision: "bf16", expertBytes: mxfp4Bytes } as const;

const mixtures: readonly Architecture[] = [
  of("mixtral-8x7b", 32, 4096, 32, 8, 128, 0, 32000, mix(8, 2, 14336)),
  of("mixtral-8x22b", 56, 6144, 48, 8, 128, 0, 32768, mix(8, 2, 16384)),
  of("qwen3-30b-a3b", 48, 2048, 32, 4, 128, 0, 151936, mix(128, 8, 768)),
  of("qwen3-235b-a22b", 94, 4096, 64, 4, 128, 0, 151936, mix(128, 8, 1536)),
  of("qwen3-coder-480b-a35b", 62, 6144, 96, 8, 128, 0, 151936, mix(160, 8, 2560)),
  of("qwen3-next-80b-a3b", 48, 2048, 16, 2, 256, 0, 151936, {
    ...mix(512, 10, 512, { sharedSize: 512 }),
    ...hybrid(2048, 4096, 2),
  }),
  of("qwen3.5-35b-a3b", 40, 2048, 16, 2, 256, 0, 248320, {
    ...mix(256, 8, 512, { sharedSize: 512 }),
    ...hybrid(2048, 4096, 2),
  }),
  of("qwen3.5-122b-a10b", 48, 3072, 32, 2, 256, 0, 248320, {
    ...mix(256, 8, 1024, { sharedSize: 1024 }),
    ...hybrid(3072, 8192, 2),
  }),
  of("qwen3.5-397b-a17b", 60, 4096, 32, 2, 256, 0, 248320, {
    ...mix(512, 10, 1024, { sharedSize: 1024 }),
    ...hybrid(4096, 8192, 2),
  }),
  // Every other layer keeps a window of 128 tokens only.
  of("gpt-oss-20b", 24, 2880, 64, 8, 64, 0, 201088, { ...mix(32, 4, 2880), kvElements: 8 * 64, native: mxfp4 }),
  of("gpt-oss-120b", 36, 2880, 64, 8, 64, 0, 201088, { ...mix(128, 4, 2880), kvElements: 8 * 64, native: mxfp4 }),
  of("deepseek-v3", 61, 7168, 128, 0, 160, 18432, 129280, {
    ...mix(256, 8, 2048, { sharedSize: 2048, denseLayers: 3 }),
    ...latent(128),
  }),
  of("kimi-k2", 61, 7168, 64, 0, 160, 18432, 163840, {
    ...mix(384, 8, 2048, { sharedSize: 2048, denseLayers: 1 }),
    ...latent(64),
  }),
  of("glm-4.5", 92, 5120, 96, 8, 128, 12288, 151552, mix(160, 8, 1536, { sharedSize: 1536, denseLayers: 3 })),
  of("glm-4.5-air", 46, 4096, 96, 8, 128, 10944, 151552, mix(128, 8, 1408, { sharedSize: 1408, denseLayers: 1 })),
  of("minimax-m2", 62, 3072, 48, 8, 128, 0, 200064, { ...mix(256, 8, 1536), native: { precision: "fp8" } }),
  of("llama-4-scout", 48, 5120, 40, 8, 128, 0, 202048, mix(16, 1, 8192, { sharedSize: 8192 })),
  of("llama-4-maverick", 48, 5120, 40, 8, 128, 16384, 202048, mix(128, 1, 8192, { sharedSize: 8192, denseLayers: 24 })),
];

export const architectures: readonly Architecture[] = [...dense, ...mixtures];
