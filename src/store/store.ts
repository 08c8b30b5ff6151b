/**
 * What must outlive a process: declared workflows with what their stages came to, the journal, and who may do what. A verb resolves
 * once what it did is durable; it rejects with a `StoreFault`, and then whether it was done is not known.
 */

export type Store = AsyncDisposable & RunVerbs & JournalVerbs & LeaseVerbs;

export type StoreKind = "memory" | "sqlite" | "postgres";

/** `unavailable`: it may be there again later. `full`: nothing more can be written now. `broken`: somebody must look at it. */
export class StoreFault extends Error {
  readonly kind: "unavailable" | "full" | "broken";

  constructor(kind: StoreFault["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreFault";
    this.kind = kind;
  }
}

export type RunStatus = "running" | "succeeded" | "failed" | "cancelled";

/** Who carries a run out, and for the how manyth time it was taken up: 0 at first. Who has neither any more may write nothing of it. */
export type Holding = { readonly owner: string; readonly generation: number };

/** Without what its stages came to. Whatever is JSON is kept as the text that it came as. */
export type RunRow = Holding & {
  readonly id: string;
  readonly tenant: string;
  readonly createdMs: number;
  readonly status: RunStatus;
  readonly endedMs?: number;
  /** As it was submitted, its inputs filled in. JSON. */
  readonly definition: string;
  /** JSON. */
  readonly error?: string;
  /** The client's key for this submission, unique for its tenant, and a hash of what came with it. */
  readonly key?: string;
  readonly bodyHash?: string;
};

/** What a stage that is over came to. JSON. Written once, and never again. */
export type StageRow = { readonly stage: string; readonly record: string };

export type StoredRun = RunRow & { readonly stages: readonly StageRow[] };

/** `known`: it was so before. `lost`: somebody else carries the run out now, or it is over otherwise. */
export type Saved = "saved" | "known" | "lost";

export type RunEnd = {
  readonly status: Exclude<RunStatus, "running">;
  readonly endedMs: number;
  /** JSON. */
  readonly error?: string;
};

export type RunVerbs = {
  /** Takes in a new run, unless its tenant has used its key, or its id is there: then it resolves to that earlier run. */
  readonly createRun: (run: RunRow) => Promise<RunRow | undefined>;
  readonly saveStage: (run: string, holding: Holding, stage: StageRow) => Promise<Saved>;
  readonly endRun: (run: string, holding: Holding, end: RunEnd) => Promise<Saved>;
  readonly readRun: (run: string) => Promise<StoredRun | undefined>;
  readonly findRun: (tenant: string, key: string) => Promise<RunRow | undefined>;
  /** Newest first, those before `after` if that is given; none if that is not there any more. */
  readonly listRuns: (tenant: string, limit: number, after?: string) => Promise<readonly StoredRun[]>;
  /** Ids of open runs that `owner` has taken up, oldest first, at most `limit`: also those of which it was never told. */
  readonly listTakenUp: (owner: string, limit: number) => Promise<readonly string[]>;
  /**
   * Makes `owner` the one who carries out open runs of which nobody does: their owner has no lease `owner/NAME` that holds. At most
   * `limit`, oldest first, each with its generation one up.
   */
  readonly takeUpRuns: (owner: string, limit: number) => Promise<readonly StoredRun[]>;
  /** Forgets what is over: all but the newest `keep`, and whatever ended before `beforeMs`. At most `limit`; says how many. */
  readonly forgetRuns: (keep: number, beforeMs: number, limit: number) => Promise<number>;
};

/** A piece of the journal: whole lines. A segment begins with its header and can be read by itself. */
export type JournalBlock = {
  readonly segment: number;
  /** Counts the blocks of a segment from 0. */
  readonly index: number;
  readonly lines: string;
};

export type SegmentRow = {
  readonly segment: number;
  readonly epoch: number;
  readonly createdMs: number;
  readonly blocks: number;
  readonly bytes: number;
};

export type JournalVerbs = {
  /** Begins another segment for the planner of this epoch. Undefined: there is a later epoch, whose planner writes now. */
  readonly beginSegment: (epoch: number, createdMs: number) => Promise<number | undefined>;
  /** `lost`: a later epoch has begun a segment. `known`: the block is there. One that would leave a hole is a `broken` fault. */
  readonly appendJournal: (epoch: number, block: JournalBlock) => Promise<Saved>;
  /** Oldest first. */
  readonly listSegments: () => Promise<readonly SegmentRow[]>;
  readonly readBlock: (segment: number, index: number) => Promise<string | undefined>;
  /** Drops whole segments, oldest first, until the rest fits; the newest stays. Says how many. */
  readonly pruneJournal: (keepBytes: number) => Promise<number>;
};

/** Who may do what is named, for so long. Each new holder has an epoch one up, so that what an earlier one still says can be told. */
export type Lease = {
  readonly name: string;
  readonly holder: string;
  /** Where the others find the holder. */
  readonly address: string;
  readonly epoch: number;
  /** Not positive: it has run out. */
  readonly leftMs: number;
};

export type LeaseVerbs = {
  /** Takes the lease if nobody holds it, or the holder is the same; resolves to how it stands then. */
  readonly takeLease: (name: string, holder: string, address: string, forMs: number) => Promise<Lease>;
  /** False: it is another's by now, or has run out. */
  readonly renewLease: (name: string, holder: string, epoch: number, forMs: number) => Promise<boolean>;
  readonly releaseLease: (name: string, holder: string, epoch: number) => Promise<void>;
  /** Those whose names begin so, also those that have run out. */
  readonly listLeases: (prefix: string) => Promise<readonly Lease[]>;
};
