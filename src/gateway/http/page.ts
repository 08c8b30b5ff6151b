/** The first page: where to point a client, and what the engines do now. */

import type { Status } from "../status.ts";

export function renderPage(status: Status, open: boolean): string {
  return `<!doctype html><meta charset="utf-8"><title>Fate</title><pre>${escape(JSON.stringify({ ...status, open }, undefined, 2))}</pre>`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
