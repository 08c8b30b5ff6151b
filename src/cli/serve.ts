/** `fate serve`: the gateway, until it is told to stop. */

import { readFile } from "node:fs/promises";
import { loadConfigToServe } from "../gateway/config/load-config.ts";
import { startGateway, type Gateway } from "../gateway/start-gateway.ts";
import { command } from "./arguments.ts";
import { policyNames } from "./policy-names.ts";
import type { Terminal } from "./terminal.ts";
import { createWhatIf } from "./what-if.ts";

export const serveCommand = command({
  name: "serve",
  summary: "serve the models of your engines behind one OpenAI-compatible address",
  usage: "serve [--config FILE] [--port N] [--policy NAME]",
  options: [
    {
      name: "config",
      kind: "text",
      shows: "FILE",
      summary: "its configuration; else fate.yaml here, else four emulated engines",
    },
    {
      name: "port",
      kind: "integer",
      min: 0,
      max: 65_535,
      summary: "where to listen, whatever the configuration says; 0 takes any free port",
    },
    {
      name: "policy",
      kind: "choice",
      choices: policyNames,
      listedBy: "fate policies",
      summary: "who decides, whatever the configuration says",
    },
    { name: "json", kind: "flag", summary: "say where it listens as JSON" },
    {
      name: "drain-seconds",
      kind: "integer",
      min: 0,
      max: 86_400,
      summary: "how long calls may take to end when it stops",
      default: 30,
    },
  ],
  positionals: [],
  examples: ["fate serve", "fate serve --config fate.yaml", "fate serve --port 0 --policy round-robin"],
  run: async ({ values, terminal }) => {
    const env: Record<string, string | undefined> = { ...process.env };
    if (values.port !== undefined) env["FATE_LISTEN_PORT"] = String(values.port);
    if (values.policy !== undefined) env["FATE_POLICY"] = values.policy;
    const load = {
      ...(values.config === undefined ? {} : { path: values.config }),
      env,
      read: (path: string) => readFile(path, "utf8"),
    };
    const { config, where } = await loadConfigToServe(load);
    await using gateway = await startGateway(config, {
      env,
      whatIf: createWhatIf(),
      signal: terminal.signal,
      write: (line) => process.stderr.write(line),
    });
    terminal.out(
      values.json
        ? `${JSON.stringify({ url: gateway.url, config: where, ...gateway.status() })}\n`
        : introduce(gateway, where),
    );
    const reload = async (): Promise<void> => {
      try {
        const { changes } = await gateway.reload((await loadConfigToServe(load)).config);
        terminal.note(
          changes.length === 0
            ? "fate: nothing has changed"
            : changes.map(({ sentence }) => `fate: ${sentence}`).join("\n"),
        );
      } catch (error) {
        // The gateway goes on with what it has.
        terminal.note(`fate: not reloaded: ${error instanceof Error ? error.message : String(error)}`);
      }
    };
    const onHangUp = (): void => void reload();
    process.on("SIGHUP", onHangUp);
    try {
      await untilStopped(terminal);
      const open = gateway.status().openCalls;
      if (open > 0)
        terminal.note(`fate: waits for ${open} calls, ${values["drain-seconds"]} s at most; once more to stop at once`);
      await gateway.drain(AbortSignal.timeout(values["drain-seconds"] * 1000));
    } finally {
      process.off("SIGHUP", onHangUp);
    }
  },
});

function untilStopped({ signal }: Terminal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

function introduce(gateway: Gateway, where: string): string {
  const { policy, engines } = gateway.status();
  const models = new Set(engines.flatMap((engine) => engine.models));
  const gpuWidth = Math.max(12, ...engines.map(({ gpu }) => gpu.length));
  const lines = [
    `Fate listens at ${gateway.url} (${where}; policy ${policy})`,
    "",
    ...engines.map(({ id, kind, gpu, up, trouble, resident }) =>
      `  ${id.padEnd(12)} ${kind.padEnd(9)} ${gpu.padEnd(gpuWidth)} ${up ? "up  " : "down"}  ${trouble ?? resident.join(", ")}`.trimEnd(),
    ),
    "",
    `  models       ${[...models].join(", ")}`,
    `  OpenAI       OPENAI_BASE_URL=${gateway.url}/v1`,
    `  Anthropic    ANTHROPIC_BASE_URL=${gateway.url}`,
    `  look         ${gateway.url}/`,
    "",
  ];
  return `${lines.join("\n")}\n`;
}
