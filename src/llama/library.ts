/** The narrow part of `node-llama-cpp` that is used here, so that types do not hang on an optional package. */

/** A token's number. */
export type Token = number;

export type LlamaLibrary = {
  readonly getLlama: (options: {
    readonly gpu: false;
    /** Never compile, never download. */
    readonly build: "never";
    readonly skipDownload: true;
    readonly progressLogs: false;
    readonly logLevel: "error";
  }) => Promise<Llama>;
};

export type Llama = {
  readonly loadModel: (options: {
    readonly modelPath: string;
    readonly gpuLayers: 0;
    readonly useMmap: boolean;
    readonly loadSignal?: AbortSignal;
  }) => Promise<LlamaModel>;
  readonly dispose: () => Promise<void>;
};

export type LlamaModel = {
  /** Bytes of all tensors. */
  readonly size: number;
  readonly trainContextSize: number;
  readonly tokens: { readonly bos: Token | null; readonly eos: Token | null } & BeginAndEnd;
  readonly fileInfo: { readonly metadata: { readonly tokenizer?: { readonly chat_template?: unknown } } };
  readonly tokenize: (text: string, specialTokens: boolean) => Token[];
  readonly detokenize: (tokens: readonly Token[], specialTokens: boolean, lastTokens: readonly Token[]) => string;
  readonly createContext: (options: {
    readonly sequences: number;
    /** Per sequence. */
    readonly contextSize: number;
    readonly batchSize: number;
    readonly threads: number;
  }) => Promise<LlamaContext>;
  /** With all its contexts. */
  readonly dispose: () => Promise<void>;
};

type BeginAndEnd = {
  readonly bosString: string | null;
  readonly eosString: string | null;
  readonly shouldPrependBosToken: boolean;
};

export type LlamaContext = {
  readonly getSequence: () => LlamaSequence;
};

/** One line of KV. */
export type LlamaSequence = {
  /** Tokens whose KV it holds. */
  readonly nextTokenIndex: number;
  readonly compareContextTokens: (tokens: Token[]) => { readonly firstDifferentIndex: number };
  readonly eraseContextTokenRanges: (
    ranges: readonly { readonly start: number; readonly end: number }[],
  ) => Promise<void>;
  readonly evaluateWithoutGeneratingNewTokens: (tokens: Token[]) => Promise<void>;
  /** Ends by itself when the model says so. */
  readonly evaluate: (tokens: Token[], options: SamplingOptions) => AsyncGenerator<Token, void, void>;
  /** Takes over another sequence's KV up to a token. Not part of the library's documented face. */
  readonly _copyStateFromOtherSequence?: (other: LlamaSequence, upToTokenIndex: number) => Promise<boolean>;
  readonly tokenMeter: { readonly usedInputTokens: number };
};

export type SamplingOptions = {
  /** 0 takes the likeliest token. */
  readonly temperature: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly seed?: number;
};

/** What `@huggingface/jinja`, which the library brings along, is used for. */
export type TemplateLibrary = {
  readonly Template: new (source: string) => { readonly render: (context: Record<string, unknown>) => string };
};
