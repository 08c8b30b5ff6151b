/** The first page: where to point a client, and what the engines do now. Whole in itself: it loads nothing from anywhere. */

import { createHash } from "node:crypto";
import { pageMarkup } from "../page/markup.ts";
import { pageScript } from "../page/script.ts";
import { pageStyle } from "../page/style.ts";
import type { Status } from "../status.ts";

/** `open`: nobody is asked for a key. Else the page says nothing of the engines before it is given one. */
export function renderPage(status: Status, open: boolean): string {
  const known = open ? { open, status } : { open };
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${escapeText(pagePolicy)}">
<title>Fate</title>
<style>${pageStyle}</style>
</head>
<body>
${pageMarkup}
<script type="application/json" id="known">${escapeData(known)}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

/** Its own style and script, the gateway itself to ask, and nothing else. A server may send it as a header too. */
const pagePolicy = [
  "default-src 'none'",
  `style-src '${hashOf(pageStyle)}'`,
  `script-src '${hashOf(pageScript)}'`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join("; ");

function hashOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}

/** JSON that cannot end the element that it stands in. */
function escapeData(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
