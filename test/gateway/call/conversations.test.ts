import { describe, expect, test } from "vitest";
import { replay, type Request } from "./replay.ts";

type Message = { readonly role: string; readonly content: unknown };

function says(...texts: readonly string[]): Message[] {
  return texts.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));
}

const system = "You are of help. ".repeat(200);

describe("Claude Code", () => {
  const session = "0b6f1d52-7c1e-4c86-9d6e-2f0f4a1f7f10";
  let calls = 0;
  /** As it sends them: a billing line that differs each time, and a cache mark that moves to the last message. */
  const ask = (agent: string | undefined, ...texts: readonly string[]): Request => {
    calls += 1;
    const messages = says(...texts).map(({ role, content }, index) => ({
      role,
      content: [
        {
          type: "text",
          text: content,
          ...(index === texts.length - 1 ? { cache_control: { type: "ephemeral" } } : {}),
        },
      ],
    }));
    const billing = `x-anthropic-billing-header: cc_version=2.1.100.7b4; cc_entrypoint=cli; cch=${calls};`;
    return {
      surface: "messages",
      headers: {
        "x-claude-code-session-id": session,
        ...(agent === undefined ? {} : { "x-claude-code-agent-id": agent }),
      },
      body: {
        model: "claude",
        max_tokens: 32_000,
        system: [
          { type: "text", text: billing },
          { type: "text", text: agent === undefined ? system : `${system} You search.` },
        ],
        messages,
      },
    };
  };

  test("child agents come after the call that sent them, and the next call of the main agent after them", () => {
    const { call, end, turn, drawn, workflowOf } = replay();
    turn("main1", ask(undefined, "fix it"));
    call("left1", ask("agent-l", "look left"));
    call("right1", ask("agent-r", "look right"));
    end("left1");
    call("left2", ask("agent-l", "look left", "reading", "a file"));
    end("right1", "left2");
    turn("main2", ask(undefined, "fix it", "asking both", "nothing left, nothing right"));
    turn("main3", ask(undefined, "fix it", "asking both", "nothing left, nothing right", "done?", "go on"));
    expect(drawn()).toBe(
      "main1; main1 -> left1; main1 -> right1; left1 -> left2; main1, right1, left2 -> main2; main2 -> main3",
    );
    expect(workflowOf("main1")).toBe(`default/${session}`);
  });

  test("a child that works on in the background is not waited for", () => {
    const { call, end, turn, drawn } = replay();
    turn("main1", ask(undefined, "fix it"));
    turn("back1", ask("agent-b", "watch"));
    call("back2", ask("agent-b", "watch", "watching", "more"));
    call("main2", ask(undefined, "fix it", "meanwhile", "go on"));
    end("back2", "main2");
    expect(drawn()).toBe("main1; main1 -> back1; back1 -> back2; main1 -> main2");
  });

  test("a child that goes on from the main agent's own prompt leaves it to be read by the others", () => {
    const { turn, drawn } = replay();
    turn("main1", ask(undefined, "fix it"));
    turn("fork1", { ...ask(undefined, "fix it", "splitting", "you do this"), headers: ask("agent-f").headers ?? {} });
    turn("other1", ask("agent-o", "look"));
    turn("main2", ask(undefined, "fix it", "splitting", "all done"));
    expect(drawn()).toBe("main1; main1 -> fork1; main1 -> other1; main1, fork1, other1 -> main2");
  });

  test("the billing line and the cache mark leave the prompt's hashes alone", () => {
    const { call, end, drawn } = replay();
    call("one", ask(undefined, "first"));
    call("two", ask(undefined, "second"));
    end("one", "two");
    call("two again", ask(undefined, "second", "yes", "and"));
    expect(drawn()).toBe("one; two; two -> two again");
  });
});

test("Codex: each response goes on from the one before, whatever previous_response_id says", () => {
  const { turn, drawn, workflowOf } = replay();
  const items = says("a", "b", "c", "d", "e").map((message) => ({ type: "message", ...message }));
  for (const turns of [1, 3, 5]) {
    turn(`turn${turns}`, {
      surface: "responses",
      headers: { "session-id": "0198c0de-0000-7000-8000-000000000001" },
      body: { model: "codex", instructions: system, input: items.slice(0, turns), stream: true },
    });
  }
  expect(drawn()).toBe("turn1; turn1 -> turn3; turn3 -> turn5");
  expect(workflowOf("turn5")).toBe("default/0198c0de-0000-7000-8000-000000000001");
});

test("OpenCode: a grandchild names its parent only, and belongs to the session at the root all the same", () => {
  const { call, end, turn, drawn, workflowOf } = replay();
  const ask = (session: string, parent: string | undefined, ...texts: readonly string[]): Request => ({
    headers: { "x-session-id": session, ...(parent === undefined ? {} : { "x-parent-session-id": parent }) },
    body: { model: "m", messages: says(...texts) },
  });
  turn("root1", ask("root", undefined, "build"));
  turn("child1", ask("child", "root", "plan"));
  turn("grandchild1", ask("grandchild", "child", "check"));
  call("child2", ask("child", "root", "plan", "asking", "it is fine"));
  end("child2");
  turn("root2", ask("root", undefined, "build", "asking", "the plan"));
  expect(drawn()).toBe(
    "root1; root1 -> child1; child1 -> grandchild1; child1, grandchild1 -> child2; root1, child2 -> root2",
  );
  expect(workflowOf("grandchild1")).toBe("default/root");
});

describe("Dynamo trajectories", () => {
  const spawn = (ask: (trajectory: string, parent?: string, final?: boolean) => Partial<Request>): string => {
    const { sessions, turn, drawn } = replay();
    const body = { model: "m", messages: says("work") };
    turn("root1", { body, ...ask("root") });
    turn("child1", { body: { ...body, messages: says("part") }, ...ask("child", "root") });
    turn("child2", { body: { ...body, messages: says("next part") }, ...ask("child", "root", true) });
    expect(sessions.sweep(0)).toEqual([]);
    turn("root2", { body: { ...body, messages: says("work", "x", "y") }, ...ask("root", undefined, true) });
    expect(sessions.sweep(0)).toHaveLength(1);
    return drawn();
  };
  const expected = "root1; root1 -> child1; child1 -> child2; root1, child2 -> root2";

  test("by headers", () => {
    const drawn = spawn((trajectory, parent, final) => ({
      headers: {
        "x-dynamo-trajectory-id": trajectory,
        ...(parent === undefined ? {} : { "x-dynamo-parent-trajectory-id": parent }),
        ...(final === true ? { "x-dynamo-trajectory-final": "true" } : {}),
      },
    }));
    expect(drawn).toBe(expected);
  });

  test("by body, inside a session", () => {
    let turns = 0;
    const drawn = spawn((trajectory, parent, final = false) => {
      turns += 1;
      const texts = [says("work"), says("part"), says("next part"), says("work", "x", "y")][turns - 1] ?? [];
      const context = {
        session_id: "s",
        trajectory_id: trajectory,
        parent_trajectory_id: parent,
        trajectory_final: final,
      };
      return { body: { model: "m", messages: texts, nvext: { agent_context: context } } };
    });
    expect(drawn).toBe(expected);
  });
});

describe("LangGraph over a plain client", () => {
  const ask = (text: string, headers: Readonly<Record<string, string>> = {}): Request => ({
    headers: { "x-workflow-id": "run", ...headers },
    body: { model: "m", messages: [{ role: "system", content: text }, ...says(text)] },
  });

  test("fan-out and fan-in are seen from when calls come and end", () => {
    const { call, end, turn, drawn } = replay();
    turn("plan", ask("plan"));
    for (const name of ["a", "b", "c"]) call(name, ask(name));
    end("b", "a", "c");
    turn("merge", ask("merge"));
    expect(drawn()).toBe("plan; plan -> a; plan -> b; plan -> c; b, a, c -> merge");
  });

  test("named parents are taken as they are, and what nobody read is left to who comes", () => {
    const { call, end, turn, drawn } = replay();
    turn("plan", ask("plan", { "x-workflow-stage": "plan" }));
    for (const name of ["a", "b", "c"]) {
      call(name, ask(name, { "x-workflow-stage": name, "x-workflow-parents": "plan" }));
    }
    end("a", "b", "c");
    turn("pair", ask("pair", { "x-workflow-stage": "pair", "x-workflow-parents": "a, b" }));
    turn("rest", ask("rest"));
    expect(drawn()).toBe("plan; plan -> a; plan -> b; plan -> c; a, b -> pair; c, pair -> rest");
  });

  test("a supervisor reads what came of its last call", () => {
    const { call, end, turn, drawn } = replay();
    const supervisor = (...texts: readonly string[]): Request => ({
      headers: { "x-workflow-id": "run" },
      body: { model: "m", messages: says(...texts) },
    });
    turn("lead1", supervisor("do it"));
    call("worker1", ask("left"));
    call("worker2", ask("right"));
    end("worker1", "worker2");
    turn("lead2", supervisor("do it", "asking", "both answered"));
    expect(drawn()).toBe("lead1; lead1 -> worker1; lead1 -> worker2; lead1, worker1, worker2 -> lead2");
  });
});

describe("two conversations in one session", () => {
  const ask = (...texts: readonly string[]): Request => ({
    headers: { "x-workflow-id": "both" },
    body: { model: "m", messages: [{ role: "system", content: system }, ...says(...texts)] },
  });

  test("each goes on from its own", () => {
    const { call, end, drawn } = replay();
    call("x1", ask("x"));
    call("y1", ask("y"));
    end("x1", "y1");
    call("x2", ask("x", "1", "2"));
    call("y2", ask("y", "1", "2"));
    expect(drawn()).toBe("x1; y1; x1 -> x2; y1 -> y2");
  });

  test("what all calls begin with tells nothing", () => {
    const { call, end, turn, drawn } = replay();
    for (const name of ["x", "y"]) call(name, ask("the document", "read", name));
    end("x", "y");
    turn("z", ask("the document", "read", "z", "1", "2"));
    expect(drawn()).toBe("x; y; x, y -> z");
  });

  test("also when the last message was touched up", () => {
    const { call, end, drawn } = replay();
    call("x1", ask("x"));
    call("y1", ask("y"));
    end("x1", "y1");
    call("x2", ask("x", "1", "2 <reminder>"));
    call("y2", ask("y", "1", "2 <reminder>"));
    end("x2", "y2");
    call("x3", ask("x", "1", "2", "3", "4"));
    expect(drawn()).toBe("x1; y1; x1 -> x2; y1 -> y2; x2 -> x3");
  });
});

test("a plain client's calls are workflows of their own", () => {
  const { call, end, drawn, workflowOf, sessions } = replay();
  const body = { model: "m", messages: says("hello"), user: "someone" };
  expect(call("one", { body })).toEqual({
    workflow: "default/#1",
    opens: true,
    stage: "#1",
    parents: [],
    single: true,
  });
  end("one");
  call("two", { body: { ...body, messages: says("hello", "hi", "bye") } });
  expect(drawn()).toBe("one; two");
  expect(workflowOf("two")).toBe("default/#2");
  expect(sessions.open).toBe(0);
});
