/** What it costs an engine to change its role, once it has ended all it had: its KV memory is set up anew, its weights stay. */

export const roleSwitchUs = 1_000_000;
