/** Gateways as processes of their own over one Postgres and the same engines, and clients that call all of them. */

import { strict as assert } from "node:assert";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { Agent, request } from "undici";
import type { Status } from "../../../src/gateway/status.ts";
import { chat, chatPath, send } from "../http/client.ts";

const node = "node_modules/.bin/node";

export type Member = {
  readonly url: string;
  readonly child: ChildProcess;
  readonly log: string[];
  alive: boolean;
};

export type Group = AsyncDisposable & { readonly members: readonly Member[] };

export async function startGroup(count: number, engines: readonly string[], databaseUrl: string): Promise<Group> {
  const folder = mkdtempSync(join(tmpdir(), "fate-replicas-"));
  const members = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const port = await freePort();
      const path = join(folder, `g${index}.yaml`);
      writeFileSync(
        path,
        `listen: { port: ${port} }
engines:\n${engines.map((entry) => `  - ${entry}`).join("\n")}
replicas: { url: "http://127.0.0.1:${port}", leaseMs: 1000 }
`,
      );
      return startMember(path, port, databaseUrl);
    }),
  );
  return {
    members,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(members.map(end));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startMember(config: string, port: number, databaseUrl: string): Promise<Member> {
  const child = spawn(node, ["src/cli/main.ts", "serve", "--json", "--config", config, "--drain-seconds", "1"], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, DATABASE_URL: databaseUrl, FATE_REPLICAS_KEY: "a key that the gateways of a test share" },
  });
  const log: string[] = [];
  child.stderr.on("data", (data: Buffer) => void log.push(data.toString()));
  const started = once(child.stdout, "data");
  const ended = once(child, "exit").then(() => assert.fail(`a gateway did not start: ${log.join("")}`));
  await Promise.race([started, ended]);
  ended.catch(() => {});
  return { url: `http://127.0.0.1:${port}`, child, log, alive: true };
}

async function end(member: Member): Promise<void> {
  const { child } = member;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGCONT");
  child.kill("SIGKILL");
  await exit;
}

export async function statusOf({ url }: Member): Promise<Status> {
  return JSON.parse((await send(url, "/fate/status")).text) as Status;
}

/** The one that plans, once there is one to which all that are there are linked. */
export async function untilOnePlans({ members }: Group, epoch = 0): Promise<Member> {
  const there = members.filter(({ alive }) => alive);
  for (let looks = 0; looks < 400; looks++) {
    const seen = await Promise.all(
      there.map(async (member) => ({ member, replica: (await statusOf(member)).replica })),
    );
    const planners = seen.filter(({ replica }) => replica?.plans === true && replica.epoch >= epoch);
    const [planner] = planners;
    if (planner !== undefined && planners.length === 1 && planner.replica?.gateways === there.length - 1)
      return planner.member;
    await setTimeout(25);
  }
  const logs = members.map(({ log }, index) => `gateway ${index}:\n${log.slice(-20).join("")}`);
  return assert.fail(`no gateway plans for all others\n${logs.join("\n")}`);
}

export type Answered = {
  readonly mark: string;
  readonly status: number;
  readonly text: string;
  readonly broken: number;
};

/** Calls by way of all gateways in turn; one that breaks because its gateway is killed is made again by way of the next. */
export async function callAll(group: Group, marks: readonly string[], atOnce: number, onAnswer: () => void) {
  const agent = new Agent({ connections: atOnce, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const answered: Answered[] = [];
  const left = marks.map((mark, index) => ({ mark, index }));
  const make = async (mark: string, index: number): Promise<Answered> => {
    const there = group.members.filter(({ alive }) => alive);
    for (let broken = 0; broken < 4; broken++) {
      const member = there[(index + broken) % there.length];
      assert(member !== undefined);
      try {
        const answer = await request(`${member.url}${chatPath}`, {
          dispatcher: agent,
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(chat(`Tell me of ${mark}. `.repeat(4), { max_tokens: 32, ignore_eos: true })),
        });
        return { mark, status: answer.statusCode, text: await answer.body.text(), broken };
      } catch (error) {
        // Only what a dead gateway had in its hands may break.
        assert(!member.alive, `${mark} broke at a gateway that lives: ${String(error)}`);
      }
    }
    return assert.fail(`${mark} was answered by nobody`);
  };
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      answered.push(await make(next.mark, next.index));
      onAnswer();
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    await agent.destroy();
  }
  return answered;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}
