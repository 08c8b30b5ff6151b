/** How a reader can type what a text suggests: through npm in a clone, by name once installed. */
export const programName = import.meta.url.endsWith(".ts") ? "npm run fate --" : "fate";
