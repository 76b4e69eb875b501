/** SHA-256 of files (FIPS 180-4), piece by piece: the browser's own digest takes only what is in memory as a whole. */

const PIECE_BYTES = 2 ** 20;
/** Up to this size the browser's own digest is taken, where the page may use it (HTTPS or this machine). */
const AT_ONCE_BYTES = 64 * 2 ** 20;
const BLOCK = 64;

/** Signed, as all words here: the engine computes with unsigned ones as with fractions. */
const ROUNDS = new Int32Array(64);
const START = new Int32Array(8);

/** The constants: the first 32 bits of the fractions of square and cube roots of the first primes. */
function prepare() {
  const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32);
  for (let prime = 2, found = 0; found < 64; prime += 1) {
    let isPrime = true;
    for (let factor = 2; factor * factor <= prime; factor += 1) isPrime &&= prime % factor !== 0;
    if (!isPrime) continue;
    if (found < 8) START[found] = fraction(Math.sqrt(prime));
    ROUNDS[found] = fraction(Math.cbrt(prime));
    found += 1;
  }
}

prepare();

class Digest {
  #state = START.slice();
  #words = new Int32Array(64);
  #rest = new Uint8Array(BLOCK);
  #kept = 0;
  #length = 0;

  /** @param {Uint8Array} bytes the next ones */
  add(bytes) {
    this.#length += bytes.length;
    let from = 0;
    if (this.#kept) {
      from = Math.min(BLOCK - this.#kept, bytes.length);
      this.#rest.set(bytes.subarray(0, from), this.#kept);
      this.#kept += from;
      if (this.#kept < BLOCK) return;
      this.#block(new DataView(this.#rest.buffer), 0);
      this.#kept = 0;
    }
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (; from + BLOCK <= bytes.length; from += BLOCK) this.#block(view, from);
    this.#rest.set(bytes.subarray(from));
    this.#kept = bytes.length - from;
  }

  /** @returns {string} 64 hex digits */
  end() {
    const bits = this.#length * 8;
    const padding = new Uint8Array(((this.#kept < 56 ? 56 : 120) - this.#kept) + 8);
    padding[0] = 0x80;
    const view = new DataView(padding.buffer);
    view.setUint32(padding.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(padding.length - 4, bits >>> 0);
    this.add(padding);
    return hex([...this.#state].flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]));
  }

  #block(view, from) {
    const words = this.#words;
    const state = this.#state;
    for (let i = 0; i < 16; i += 1) words[i] = view.getInt32(from + 4 * i);
    for (let i = 16; i < 64; i += 1) {
      const a = words[i - 15];
      const b = words[i - 2];
      const small = turned(a, 7) ^ turned(a, 18) ^ (a >>> 3);
      const large = turned(b, 17) ^ turned(b, 19) ^ (b >>> 10);
      words[i] = (words[i - 16] + small + words[i - 7] + large) | 0;
    }
    // One by one: unpacking an array takes longer than the rounds.
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let i = 0; i < 64; i += 1) {
      const large = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
      const first = (h + large + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
      const small = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
      const second = (small + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + first) | 0;
      d = c;
      c = b;
      b = a;
      a = (first + second) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

function turned(word, bits) {
  return (word >>> bits) | (word << (32 - bits));
}

function hex(bytes) {
  return bytes.map((one) => one.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {Blob} file
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress 0 to 1
 * @param {number} atOnceBytes largest file for the browser's own digest
 * @returns {Promise<string>} 64 hex digits
 */
export async function sha256(file, signal, onProgress = () => {}, atOnceBytes = AT_ONCE_BYTES) {
  if (globalThis.crypto?.subtle && file.size <= atOnceBytes) {
    return hex([...new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()))]);
  }
  const digest = new Digest();
  for (let from = 0; from < file.size; from += PIECE_BYTES) {
    signal?.throwIfAborted();
    digest.add(new Uint8Array(await file.slice(from, from + PIECE_BYTES).arrayBuffer()));
    onProgress(Math.min(1, (from + PIECE_BYTES) / file.size));
  }
  return digest.end();
}
