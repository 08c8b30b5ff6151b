/**
 * Reads MessagePack that others wrote: every type of the format, within bounds, and a fault as a value.
 *
 * Integers beyond what a number holds exactly come as bigint, maps as `Map` since keys may be anything, extensions as they
 * are. A length is believed only as far as there are bytes for it, so that a short text cannot ask for much memory.
 */

export type MsgpackValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | MsgpackExtension
  | readonly MsgpackValue[]
  | ReadonlyMap<MsgpackValue, MsgpackValue>;

export type MsgpackExtension = { readonly extension: number; readonly data: Uint8Array };

export type MsgpackLimits = {
  readonly bytes: number;
  readonly depth: number;
  /** Values in all, those inside arrays and maps counted. */
  readonly values: number;
};

const defaultMsgpackLimits: MsgpackLimits = { bytes: 64 * 1024 * 1024, depth: 32, values: 4_000_000 };

export type MsgpackResult =
  | { readonly kind: "value"; readonly value: MsgpackValue }
  | { readonly kind: "fault"; readonly at: number; readonly found: string; readonly expected: string };

/** Reads one value that takes up all of `bytes`. */
export function decodeMsgpack(bytes: Uint8Array, limits: Partial<MsgpackLimits> = {}): MsgpackResult {
  const reader = new Reader(bytes, { ...defaultMsgpackLimits, ...limits });
  try {
    return { kind: "value", value: reader.readWhole() };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { kind: "fault", at: error.at, found: error.found, expected: error.expected };
  }
}

/** Leaves the recursion; never leaves this file. */
class Fault extends Error {
  readonly at: number;
  readonly found: string;
  readonly expected: string;

  constructor(at: number, found: string, expected: string) {
    super(`byte ${at}: found ${found}, expected ${expected}`);
    this.at = at;
    this.found = found;
    this.expected = expected;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: MsgpackLimits;
  #at = 0;
  #values = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, limits: MsgpackLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  readWhole(): MsgpackValue {
    const { length } = this.#bytes;
    if (length > this.#limits.bytes) throw new Fault(0, `${length} bytes`, `at most ${this.#limits.bytes}`);
    const value = this.#read();
    if (this.#at < length) throw new Fault(this.#at, `${length - this.#at} bytes more`, "the end");
    return value;
  }

  #read(): MsgpackValue {
    this.#values += 1;
    if (this.#values > this.#limits.values)
      throw new Fault(this.#at, "another value", `at most ${this.#limits.values} in all`);
    const at = this.#skip(1);
    const tag = this.#view.getUint8(at);
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.#map(tag & 0x0f);
    if (tag < 0xa0) return this.#array(tag & 0x0f);
    if (tag < 0xc0) return this.#text(tag & 0x1f);
    if (tag >= 0xe0) return tag - 0x100;
    return this.#readTagged(tag, at);
  }

  #readTagged(tag: number, at: number): MsgpackValue {
    const view = this.#view;
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#take(this.#length(tag - 0xc4));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#length(tag - 0xc7));
      case 0xca:
        return view.getFloat32(this.#skip(4));
      case 0xcb:
        return view.getFloat64(this.#skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#length(tag - 0xcc);
      case 0xcf:
        return narrow(view.getBigUint64(this.#skip(8)));
      case 0xd0:
        return view.getInt8(this.#skip(1));
      case 0xd1:
        return view.getInt16(this.#skip(2));
      case 0xd2:
        return view.getInt32(this.#skip(4));
      case 0xd3:
        return narrow(view.getBigInt64(this.#skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(2 ** (tag - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#length(tag - 0xd9));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#length(tag - 0xdc + 1));
      case 0xde:
      case 0xdf:
        return this.#map(this.#length(tag - 0xde + 1));
      default:
        // 0xc1 alone is left.
        throw new Fault(at, `the byte 0x${tag.toString(16)}`, "the start of a value");
    }
  }

  /** An unsigned number of 1, 2 or 4 bytes. */
  #length(size: number): number {
    if (size === 0) return this.#view.getUint8(this.#skip(1));
    return size === 1 ? this.#view.getUint16(this.#skip(2)) : this.#view.getUint32(this.#skip(4));
  }

  #array(length: number): readonly MsgpackValue[] {
    this.#enter(length);
    const values: MsgpackValue[] = [];
    for (let index = 0; index < length; index++) values.push(this.#read());
    this.#depth -= 1;
    return values;
  }

  #map(length: number): ReadonlyMap<MsgpackValue, MsgpackValue> {
    this.#enter(length * 2);
    const entries = new Map<MsgpackValue, MsgpackValue>();
    for (let index = 0; index < length; index++) {
      const key = this.#read();
      entries.set(key, this.#read());
    }
    this.#depth -= 1;
    return entries;
  }

  /** Each of `values` takes at least a byte. */
  #enter(values: number): void {
    this.#depth += 1;
    if (this.#depth > this.#limits.depth)
      throw new Fault(this.#at, "another level", `at most ${this.#limits.depth} levels`);
    const left = this.#bytes.length - this.#at;
    if (values > left) throw new Fault(this.#at, `${left} bytes`, `${values} values`);
  }

  #text(length: number): string {
    const data = this.#take(length);
    return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("utf8");
  }

  #extension(length: number): MsgpackExtension {
    const extension = this.#view.getInt8(this.#skip(1));
    return { extension, data: this.#take(length) };
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Moves on by `length` and returns where it stood. */
  #skip(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw new Fault(at, "the end", `${length} bytes more`);
    this.#at = at + length;
    return at;
  }
}

function narrow(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}
