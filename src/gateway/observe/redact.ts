/** Takes out of text and fields what must not be seen in a log: keys, tokens, passwords, query strings, forged line ends. */

const gone = "[redacted]";

/** Words of a field's name that make its text a secret, in whatever case the name is written. */
const secretNames = new Set(
  "authorization cookie password passwd passphrase secret secrets token credential credentials apikey".split(" "),
);
const secretPairs = new Set(["api key", "access key", "private key", "signing key", "secret key"]);

/** Whether the text of a field with this name is a secret. Counts, such as `promptTokens`, are numbers and stay. */
export function isSecretName(name: string): boolean {
  const words = name
    .slice(0, 200)
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return words.some((word, index) => secretNames.has(word) || secretPairs.has(`${word} ${words[index + 1]}`));
}

/** Each takes time proportional to the text: none can match from one place in two ways. */
const secrets: readonly (readonly [RegExp, string])[] = [
  // Keys by the marks that their issuers put on them.
  [/\b(?:sk|pk|rk|hf|gsk|xai|pplx|nvapi|fate|gh[opsur]|github_pat|glpat|xox[abeoprs])[-_][A-Za-z0-9_-]{8,}/g, gone],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, gone],
  [/\bAIza[A-Za-z0-9_-]{20,}/g, gone],
  [/\beyJ[A-Za-z0-9_.-]{16,}/g, gone],
  // Whatever follows the name of an authorization scheme, or of a secret.
  [/\b(bearer|basic|digest)[ \t]+[A-Za-z0-9+/=._~-]{6,}/gi, `$1 ${gone}`],
  [
    /\b((?:x-)?api[-_ ]?key|authorization|cookie|passw(?:or)?d|passphrase|secret|access[-_]token|token)("?[ \t]*[:=][ \t]*"?)[^\s"',;&]+/gi,
    `$1$2${gone}`,
  ],
  // The user and password of an address, and every query string.
  [/:\/\/[^\s/?#@"']{1,256}@/g, `://${gone}@`],
  [/\?[^\s"'<>)\]}]+/g, `?${gone}`],
];

export function redactText(text: string): string {
  let clean = text;
  for (const [pattern, instead] of secrets) clean = clean.replace(pattern, instead);
  return clean;
}
