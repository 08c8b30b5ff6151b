import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isFault } from "../../../src/gateway/call/call.ts";
import { isIdentityHeader } from "../../../src/gateway/call/forwarded-headers.ts";
import { readIdentity } from "../../../src/gateway/call/read-identity.ts";
import { identityOf } from "./replay.ts";

const uuid = "54c1eb09-bc4c-4d2f-98eb-6d2ab2d5e2fe";
const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
const alone = { final: false };

describe("clients' conventions", () => {
  test.each([
    ["nothing", {}, {}, alone],
    ["Claude Code", { "x-claude-code-session-id": "s" }, {}, { source: "claude-code", workflow: "s" }],
    [
      "Claude Code's child agent",
      { "x-claude-code-session-id": "s", "x-claude-code-agent-id": "a" },
      {},
      { source: "claude-code", workflow: "s", thread: "a" },
    ],
    ["an agent without a session", { "x-claude-code-agent-id": "a" }, {}, alone],
    [
      "Claude Code before the header",
      {},
      { metadata: { user_id: JSON.stringify({ device_id: "d", session_id: uuid }) } },
      { source: "claude-code", workflow: uuid },
    ],
    [
      "Claude Code earlier still",
      {},
      { metadata: { user_id: `user_ab_account__session_${uuid}` } },
      { source: "claude-code", workflow: uuid },
    ],
    ["a user of no session", {}, { metadata: { user_id: "{broken" }, user: "someone" }, alone],
    ["Codex", { "session-id": "s" }, { previous_response_id: "r" }, { source: "codex", workflow: "s" }],
    ["older Codex", { session_id: "s" }, {}, { source: "codex", workflow: "s" }],
    [
      "OpenCode",
      { "x-session-id": "s", "x-session-affinity": "t" },
      {},
      { source: "opencode", workflow: "s", affinity: "t" },
    ],
    [
      "OpenCode's child",
      { "x-session-id": "c", "x-parent-session-id": "s" },
      {},
      { source: "opencode", workflow: "s", thread: "c", sessionThread: true },
    ],
    ["Dynamo", { "x-dynamo-trajectory-id": "t" }, {}, { source: "dynamo", workflow: "t" }],
    [
      "Dynamo's last call",
      { "x-dynamo-trajectory-id": "t", "x-dynamo-trajectory-final": "true" },
      {},
      { source: "dynamo", workflow: "t", final: true },
    ],
    [
      "the last call of Dynamo's child",
      { "x-dynamo-trajectory-id": "c", "x-dynamo-parent-trajectory-id": "t", "x-dynamo-trajectory-final": "true" },
      {},
      { source: "dynamo", workflow: "t", thread: "c", sessionThread: true },
    ],
    [
      "Dynamo's body",
      {},
      {
        nvext: {
          agent_context: {
            session_type_id: "coder",
            session_id: "s",
            trajectory_id: "c",
            parent_trajectory_id: "t",
            trajectory_final: true,
          },
          agent_hints: { priority: 5 },
          cache_salt: "salt",
        },
      },
      {
        source: "dynamo",
        workflow: "s",
        thread: "c",
        parentThread: "t",
        class: "coder",
        priority: 5,
        cacheSalt: "salt",
      },
    ],
    [
      "Dynamo's session control",
      {},
      { nvext: { session_control: { session_id: "s", action: "close" } } },
      { source: "dynamo", workflow: "s", final: true },
    ],
    ["LiteLLM", { "x-litellm-session-id": "s" }, {}, { source: "litellm", workflow: "s" }],
    ["LiteLLM's body", {}, { metadata: { session_id: "s" } }, { source: "litellm", workflow: "s" }],
    [
      "a key that a machine made",
      {},
      { prompt_cache_key: uuid },
      { source: "prompt-cache-key", workflow: uuid, affinity: uuid },
    ],
    ["a key that a person made", {}, { prompt_cache_key: "support-bot-v2" }, { affinity: "support-bot-v2" }],
    [
      "a sampled trace",
      { traceparent: `00-${trace}-00f067aa0ba902b7-01` },
      {},
      { source: "traceparent", workflow: trace },
    ],
    ["a trace that is not sampled", { traceparent: `00-${trace}-00f067aa0ba902b7-00` }, {}, alone],
    ["a trace of zeros", { traceparent: `00-${"0".repeat(32)}-00f067aa0ba902b7-01` }, {}, alone],
    ["a trace of an unknown kind", { traceparent: `ff-${trace}-00f067aa0ba902b7-01` }, {}, alone],
    ["SMG", { "x-smg-priority": "interactive", "x-smg-routing-key": "k" }, {}, { priority: 1, affinity: "k" }],
    ["SMG's tenant", { "x-smg-tenant-id": "root" }, {}, alone],
    ["llm-d", { "x-llm-d-inference-objective": "chat" }, {}, { class: "chat" }],
    ["vLLM, where the smaller goes first", {}, { priority: -3, cache_salt: "s" }, { priority: 3, cacheSalt: "s" }],
    ["a priority above all", {}, { priority: -2_000_000 }, { priority: 1000 }],
    ["a priority below all", {}, { priority: 2_000_000 }, { priority: -1000 }],
  ])("%s", (_, headers, body, expected) => {
    expect(identityOf(headers as Record<string, string>, body)).toEqual({ ...alone, ...expected });
  });

  test("the first of the table that is there counts", () => {
    const headers: Record<string, string> = {
      "x-claude-code-session-id": "claude",
      "session-id": "codex",
      "x-session-id": "opencode",
      "x-dynamo-trajectory-id": "dynamo",
      "x-litellm-session-id": "litellm",
      traceparent: `00-${trace}-00f067aa0ba902b7-01`,
    };
    const sources: (string | undefined)[] = [];
    for (const name of Object.keys(headers)) {
      sources.push(identityOf(headers).source);
      delete headers[name];
    }
    expect(sources).toEqual(["claude-code", "codex", "opencode", "dynamo", "litellm", "traceparent"]);
  });

  test.each(["", " ", "x".repeat(257), "a\tb", "a\u0000"])("an id like %j is passed over", (id) => {
    expect(identityOf({ "session-id": id, "x-session-id": "s" })).toMatchObject({ source: "opencode", workflow: "s" });
  });
});

describe("our own convention", () => {
  const headers = {
    "x-workflow-id": "run",
    "x-workflow-thread": "left",
    "x-workflow-stage": "merge",
    "x-workflow-parents": "a, b",
    "x-workflow-deadline-ms": "1500.5",
    "x-workflow-slo-scale": "3",
    "x-workflow-final": "true",
    "x-workflow-class": "report",
    "x-workflow-priority": "-2",
  };
  const read = {
    source: "fate",
    workflow: "run",
    thread: "left",
    stage: "merge",
    parents: ["a", "b"],
    deadlineMs: 1500.5,
    sloScale: 3,
    final: true,
    class: "report",
    priority: -2,
  };
  const workflow = {
    id: "run",
    thread: "left",
    stage: "merge",
    parents: ["a", "b"],
    deadline_ms: 1500.5,
    slo_scale: 3,
    final: true,
    class: "report",
    priority: -2,
  };

  test("by headers", () => expect(identityOf(headers)).toEqual(read));
  test("by body", () => expect(identityOf({}, { workflow })).toEqual(read));
  test("a header goes before the body", () => {
    expect(identityOf({ "x-workflow-id": "other", "x-workflow-final": "0" }, { workflow })).toEqual({
      ...read,
      workflow: "other",
      final: false,
    });
  });

  test("no parents is not the same as none named", () => {
    expect(identityOf({ ...headers, "x-workflow-parents": "" }).parents).toEqual([]);
    expect(identityOf({}, { workflow: { ...workflow, parents: null } }).parents).toBeUndefined();
  });

  test("goes before any other, whose sessions are then threads", () => {
    const own = { "x-workflow-id": "run" };
    const fate = { source: "fate", workflow: "run", final: false };
    expect(identityOf({ ...own, "session-id": "s" })).toEqual({ ...fate, thread: "s" });
    expect(identityOf({ ...own, "x-session-id": "c", "x-parent-session-id": "s" })).toEqual({
      ...fate,
      thread: "c",
      parentThread: "s",
    });
    expect(identityOf({ ...own, traceparent: `00-${trace}-00f067aa0ba902b7-01` })).toEqual(fate);
  });

  test("a stage may be named inside a workflow of another convention", () => {
    expect(identityOf({ "session-id": "s", "x-workflow-stage": "a", "x-workflow-priority": "7" })).toEqual({
      source: "codex",
      workflow: "s",
      stage: "a",
      priority: 7,
      final: false,
    });
  });

  test.each([
    ["x-workflow-id", ["", "x".repeat(257), "a\nb"]],
    ["x-workflow-stage", [" "]],
    ["x-workflow-parents", ["a,,b", ",", Array.from({ length: 65 }, (_, index) => index).join(",")]],
    ["x-workflow-deadline-ms", ["0", "-1", "soon", "1e3", "Infinity", "0x10", "", "2000000000"]],
    ["x-workflow-slo-scale", ["0", "NaN", "2,3"]],
    ["x-workflow-final", ["yes", ""]],
    ["x-workflow-priority", ["1.5", "1001", "high"]],
  ])("a malformed %s is a fault", (header, values) => {
    for (const value of values) {
      expect(readIdentity({ [header]: value }, {})).toMatchObject({
        status: 400,
        code: "invalid_header",
        param: header,
      });
    }
  });

  test.each([
    ["workflow", "run"],
    ["workflow", ["run"]],
    ["workflow.id", { id: 7 }],
    ["workflow.parents", { parents: ["a", 1] }],
    ["workflow.deadline_ms", { deadline_ms: -1 }],
    ["workflow.final", { final: "maybe" }],
    ["workflow.priority", { priority: 0.5 }],
  ])("a malformed %s in the body is a fault: %j", (param, value) => {
    expect(readIdentity({}, { workflow: value })).toMatchObject({ status: 400, param });
  });

  test("a fault says what was expected", () => {
    expect(readIdentity({ "x-workflow-final": "yes" }, {})).toMatchObject({
      message: "Invalid 'x-workflow-final': expected true or false.",
    });
  });
});

test("any headers and any body are an identity within bounds, or a fault of our own fields", () => {
  const names = [
    "x-session-id",
    "x-parent-session-id",
    "session-id",
    "traceparent",
    "x-workflow-id",
    "x-workflow-parents",
  ];
  const headers = fc.dictionary(
    fc.constantFrom(...names),
    fc.oneof(fc.string(), fc.string({ minLength: 250, maxLength: 270 })),
  );
  const context = fc.record({ session_id: fc.jsonValue(), trajectory_id: fc.jsonValue() }, { requiredKeys: [] });
  const body = fc.record(
    {
      workflow: fc.oneof(
        fc.record({ id: fc.jsonValue(), parents: fc.jsonValue() }, { requiredKeys: [] }),
        fc.jsonValue(),
      ),
      nvext: fc.oneof(fc.record({ agent_context: context, agent_hints: fc.jsonValue() }), fc.jsonValue()),
      metadata: fc.oneof(fc.record({ user_id: fc.oneof(fc.json(), fc.string()) }), fc.jsonValue()),
      prompt_cache_key: fc.jsonValue(),
      priority: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(headers, fc.oneof(body, fc.jsonValue()), (sent, value) => {
      const identity = readIdentity(sent, value);
      if (isFault(identity)) {
        expect(identity.param).toMatch(/^x-workflow-|^workflow/);
        return;
      }
      for (const id of [identity.workflow, identity.thread, identity.stage, ...(identity.parents ?? [])]) {
        if (id === undefined) continue;
        expect(id.length > 0 && id.length <= 256).toBe(true);
        expect([...id].every((sign) => sign >= " " && sign !== "\u007f")).toBe(true);
      }
      expect(Math.abs(identity.priority ?? 0)).toBeLessThanOrEqual(1000);
      expect(identity.source === undefined).toBe(identity.workflow === undefined);
    }),
    { numRuns: 200 },
  );
});

test("ours and those that steer end here; those that only tell what belongs together go on", () => {
  const here = [
    "x-workflow-id",
    "x-workflow-anything",
    "x-worker-instance-id",
    "x-prefiller-host-port",
    "x-smg-tenant-id",
  ];
  const on = [
    "traceparent",
    "tracestate",
    "x-request-id",
    "session-id",
    "x-session-id",
    "x-dynamo-trajectory-id",
    "accept",
  ];
  expect(here.map(isIdentityHeader)).toEqual(here.map(() => true));
  expect(on.map(isIdentityHeader)).toEqual(on.map(() => false));
});
