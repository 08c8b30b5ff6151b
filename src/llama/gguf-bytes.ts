/** The pieces that a GGUF header is written of, little-endian throughout. */

export type GgufValue =
  | { readonly type: "u32"; readonly value: number }
  | { readonly type: "f32"; readonly value: number }
  | { readonly type: "bool"; readonly value: boolean }
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "texts"; readonly value: readonly string[] }
  | { readonly type: "f32s"; readonly value: readonly number[] }
  | { readonly type: "i32s"; readonly value: readonly number[] };

export type GgufBytes = {
  readonly raw: (bytes: Uint8Array) => void;
  readonly u32: (value: number) => void;
  readonly u64: (value: number) => void;
  readonly text: (value: string) => void;
  /** A key with its typed value. */
  readonly pair: (key: string, value: GgufValue) => void;
  /** All that was written so far. */
  readonly take: () => Uint8Array;
};

/** Numbers that the format gives to the types of values. */
const types = { u32: 4, i32: 5, f32: 6, bool: 7, text: 8, list: 9 } as const;

export function createGgufBytes(): GgufBytes {
  const parts: Uint8Array[] = [];
  const raw = (bytes: Uint8Array): void => void parts.push(bytes);
  const number = (bytes: number, write: (view: DataView) => void): void => {
    const part = new Uint8Array(bytes);
    write(new DataView(part.buffer));
    parts.push(part);
  };
  const u32 = (value: number): void => number(4, (view) => view.setUint32(0, value, true));
  const i32 = (value: number): void => number(4, (view) => view.setInt32(0, value, true));
  const f32 = (value: number): void => number(4, (view) => view.setFloat32(0, value, true));
  const u64 = (value: number): void => number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  const text = (value: string): void => {
    const bytes = Buffer.from(value);
    u64(bytes.length);
    raw(bytes);
  };
  const list = <T>(type: number, values: readonly T[], write: (value: T) => void): void => {
    u32(types.list);
    u32(type);
    u64(values.length);
    for (const value of values) write(value);
  };
  const one = <T>(type: number, value: T, write: (value: T) => void): void => {
    u32(type);
    write(value);
  };
  const pair = (key: string, given: GgufValue): void => {
    text(key);
    if (given.type === "u32") one(types.u32, given.value, u32);
    else if (given.type === "f32") one(types.f32, given.value, f32);
    else if (given.type === "bool") one(types.bool, given.value, (value) => raw(Uint8Array.of(value ? 1 : 0)));
    else if (given.type === "text") one(types.text, given.value, text);
    else if (given.type === "texts") list(types.text, given.value, text);
    else if (given.type === "f32s") list(types.f32, given.value, f32);
    else list(types.i32, given.value, i32);
  };
  return { raw, u32, u64, text, pair, take: () => Buffer.concat(parts) };
}
