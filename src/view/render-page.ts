/** The page: one document, whole in itself, that loads nothing from anywhere but the journal it shows. */

import { createHash } from "node:crypto";
import type { Known } from "./known.ts";
import { pageMarkup } from "./page-markup.ts";
import { pageStyle } from "./page-style.ts";

export function renderPage(script: string, known: Known): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${escapeText(contentPolicy(script))}">
<title>Fate</title>
<style>${pageStyle}</style>
</head>
<body>
${pageMarkup}
<script type="application/json" id="known">${escapeData(known)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** Its own style and script, whoever serves it to ask, and nothing else. */
function contentPolicy(script: string): string {
  return [
    "default-src 'none'",
    `style-src '${hashOf(pageStyle)}'`,
    `script-src '${hashOf(script)}'`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

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
