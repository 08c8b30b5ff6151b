/** The public door: what a user of the library needs, and nothing else. */

export { calibrate, type Calibrated, type CalibrateOptions } from "./calibrate/calibrate.ts";
export { clusterNames, namedCluster, scaleCluster, scaleSpeeds, type SpeedScale } from "./catalogue/clusters.ts";
export { gpuKinds } from "./catalogue/gpus.ts";
export { findReleased, knownModels } from "./catalogue/models.ts";
export { check, createChecker, type Checker } from "./check/check.ts";
export type { Law, Violation } from "./check/law.ts";
export type { Calibration, Coefficients, ModelCorrection } from "./cost/calibration.ts";
export { candidateCost, isFeasible, type Known } from "./cost/candidate.ts";
export { createCostModel, type CostModel } from "./cost/cost-model.ts";
export { shippedCalibration } from "./cost/shipped-calibration.ts";
export type { CellResult, CellSpec, Metrics, PolicyName, WorkloadSource } from "./experiment/cell.ts";
export { comparePolicies, type Comparison, type ComparisonRow, type Verdict } from "./experiment/compare.ts";
export { runCell } from "./experiment/run-cell.ts";
export { runCells, type Progress, type RunCellsOptions } from "./experiment/run-cells.ts";
export { createJournalWriter, encodeRecord, type JournalWriter } from "./journal/append.ts";
export { JournalError } from "./journal/journal-error.ts";
export { journalVersion, type Journal, type JournalHeader } from "./journal/journal.ts";
export { openJournal, readJournal, type JournalStream } from "./journal/read.ts";
export type {
  Batching,
  Cluster,
  Device,
  Engine,
  EngineRole,
  GpuKind,
  Host,
  Link,
  Store,
  Zone,
} from "./model/cluster.ts";
export {
  sumTerms,
  type CostTerms,
  type Decision,
  type Defer,
  type Evict,
  type Place,
  type Prefetch,
  type Retain,
  type Share,
} from "./model/decision.ts";
export { bootstrapInterval, meanInterval, pairedInterval, type Interval } from "./measure/interval.ts";
export { createMeasure, measure, type Measured, type Measurer } from "./measure/measure.ts";
export type { EventKind, JournalEvent } from "./model/event.ts";
export type { Experts, Model, ModelId } from "./model/model.ts";
export type { VisibleModelStage, VisibleStage, VisibleToolStage } from "./model/visible.ts";
export {
  stageKey,
  type Allowed,
  type Branch,
  type ModelStage,
  type OutputTokens,
  type ParentEdge,
  type Segment,
  type Stage,
  type ToolStage,
  type Workflow,
  type Workload,
} from "./model/workflow.ts";
export { policies } from "./policy/policies.ts";
export type { Plan, Policy, PolicyEntry, View } from "./policy/policy.ts";
export { createRng, type Rng } from "./random/rng.ts";
export type { Faults } from "./sim/faults.ts";
export { simulate, type SimulationOptions, type SimulationResult } from "./sim/simulate.ts";
export { readCluster } from "./trace/cluster-file.ts";
export { describeWorkload, type WorkloadDescription } from "./trace/describe.ts";
export { families } from "./trace/generate/families.ts";
export { generateWorkload, type GenerateOptions } from "./trace/generate/generate-workload.ts";
export { InputError } from "./trace/input-error.ts";
export { readWorkload, workloadFormats, type ReadOptions, type ReadWorkload } from "./trace/read-workload.ts";
export { writeWorkload, type WorkloadAndModels } from "./trace/workload-file.ts";
export { writeAgenticMooncake } from "./trace/write-agentic-mooncake.ts";
