/** Writes MessagePack, each value in its shortest form. */

import type { MsgpackExtension, MsgpackValue } from "./msgpack.ts";

/** A number that is written as a float although it may be whole. */
export type MsgpackFloat = { readonly float64: number };

export type Encodable =
  | MsgpackValue
  | MsgpackFloat
  | readonly Encodable[]
  | ReadonlyMap<MsgpackValue | Encodable, Encodable>;

const leastInt64 = -(2n ** 63n);
const beyondUint64 = 2n ** 64n;

/** Throws on an integer that no format of MessagePack holds: a mistake of ours. */
export function encodeMsgpack(value: Encodable): Uint8Array {
  const writer = new Writer();
  writer.write(value);
  return writer.end();
}

type Setter = "setUint8" | "setUint16" | "setUint32" | "setInt8" | "setInt16" | "setInt32" | "setFloat64";

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  end(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  write(value: Encodable): void {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#bigint(value);
    else if (typeof value === "string") this.#text(value);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (value instanceof Map) this.#map(value as ReadonlyMap<Encodable, Encodable>);
    else if (Array.isArray(value)) this.#array(value as readonly Encodable[]);
    else if ("float64" in value) this.#float(value.float64);
    else this.#extension(value as MsgpackExtension);
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#integer(value);
    else this.#float(value);
  }

  #integer(value: number): void {
    if (value >= 0x1_0000_0000 || value < -0x8000_0000) this.#bigint(BigInt(value));
    else if (value >= 0 && value < 0x80) this.#byte(value);
    else if (value >= -32 && value < 0) this.#byte(0x100 + value);
    else if (value >= 0) this.#head(value, [0xcc, 0xcd, 0xce]);
    else if (value >= -0x80) this.#put("setInt8", value, this.#tag(0xd0, 1));
    else if (value >= -0x8000) this.#put("setInt16", value, this.#tag(0xd1, 2));
    else this.#put("setInt32", value, this.#tag(0xd2, 4));
  }

  #bigint(value: bigint): void {
    const small = Number(value);
    if (small >= -0x8000_0000 && small < 0x1_0000_0000) this.#integer(small);
    else if (value < leastInt64 || value >= beyondUint64) throw new RangeError(`${value} does not fit 64 bits`);
    else this.#long(value);
  }

  #long(value: bigint): void {
    const at = this.#tag(value < 0n ? 0xd3 : 0xcf, 8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value));
  }

  #float(value: number): void {
    this.#put("setFloat64", value, this.#tag(0xcb, 8));
  }

  #text(value: string): void {
    const bytes = Buffer.from(value, "utf8");
    if (bytes.length < 32) this.#byte(0xa0 + bytes.length);
    else this.#head(bytes.length, [0xd9, 0xda, 0xdb]);
    this.#append(bytes);
  }

  #binary(value: Uint8Array): void {
    this.#head(value.length, [0xc4, 0xc5, 0xc6]);
    this.#append(value);
  }

  #array(values: readonly Encodable[]): void {
    if (values.length < 16) this.#byte(0x90 + values.length);
    else this.#head(values.length, [undefined, 0xdc, 0xdd]);
    for (const value of values) this.write(value);
  }

  #map(entries: ReadonlyMap<Encodable, Encodable>): void {
    if (entries.size < 16) this.#byte(0x80 + entries.size);
    else this.#head(entries.size, [undefined, 0xde, 0xdf]);
    for (const [key, value] of entries) {
      this.write(key);
      this.write(value);
    }
  }

  #extension({ extension, data }: MsgpackExtension): void {
    const short = [1, 2, 4, 8, 16].indexOf(data.length);
    if (short >= 0) this.#byte(0xd4 + short);
    else this.#head(data.length, [0xc7, 0xc8, 0xc9]);
    this.#put("setInt8", extension, this.#grow(1));
    this.#append(data);
  }

  /** A length or an unsigned number after the tag for 1, 2 or 4 bytes. */
  #head(value: number, [one, two, four]: readonly [number | undefined, number, number]): void {
    if (one !== undefined && value < 0x100) this.#put("setUint8", value, this.#tag(one, 1));
    else if (value < 0x1_0000) this.#put("setUint16", value, this.#tag(two, 2));
    else this.#put("setUint32", value, this.#tag(four, 4));
  }

  #byte(value: number): void {
    this.#put("setUint8", value, this.#grow(1));
  }

  /** The place is worked out before the view is taken: making room replaces the view. */
  #put(set: Setter, value: number, at: number): void {
    this.#view[set](at, value);
  }

  #append(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Writes the tag and returns where the `size` bytes after it begin. */
  #tag(tag: number, size: number): number {
    const at = this.#grow(1 + size);
    this.#put("setUint8", tag, at);
    return at + 1;
  }

  #grow(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const wider = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      wider.set(this.#bytes);
      this.#bytes = wider;
      this.#view = new DataView(wider.buffer);
    }
    return at;
  }
}
