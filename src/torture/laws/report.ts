/** How a law says that it is broken. */

export type Report = (law: LawName, message: string) => void;

/** What must hold in every world, whatever goes wrong. */
export const torturedLaws = {
  accounted: "every workflow that was accepted ends, and every call has one outcome or a client that was cut off",
  "recorded-once": "what a stage came to, and how a workflow ended, is recorded once and never changes",
  durable: "what a gateway was told is recorded is in the store at the end, and nothing else",
  "not-again": "a stage that is recorded is not started again by who carries its workflow out",
  "told-what-is-recorded": "clients are told what is recorded, once it is, and nothing that contradicts it",
  "one-key": "an idempotency key means one workflow, on every gateway and after every crash",
  "one-planner":
    "no two gateways plan in one epoch, and nothing an earlier one decided begins where a later one is known",
  capacity: "no engine runs more for a gateway that lives than its books allow",
  "hand-off": "what is decoded was prefilled, and its keys and values are fetched from where they are",
  patient: "no workflow fails because engines are away for a while, or because many wait",
  "bounded-wait": "no stage waits for an engine longer than the bound, once somebody plans",
  journal: "each journal obeys the laws of wall time",
  "no-leak": "nothing is left in memory of what is over",
  "no-throw": "no gateway throws",
} as const;

export type LawName = keyof typeof torturedLaws;
