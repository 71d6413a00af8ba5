// ChaCha20-Poly1305 (RFC 8439, no associated data) and the Internet checksum (RFC 1071) for WebAssembly with SIMD,
// working in place in the memory of a packet arena. Built by build.sh into kernel-bytes.ts.

#include <stdint.h>
#include <wasm_simd128.h>

#define EXPORT(name) __attribute__((export_name(#name)))

typedef struct {
  uint8_t bytes[16];
} Tag;

static uint32_t key[8];           // set by the caller before seal and open
static uint8_t keystream[256];    // four blocks, where a message is shorter than that
static const uint32_t SIGMA[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

static inline uint32_t load32(const uint8_t *at) {
  uint32_t value;
  __builtin_memcpy(&value, at, 4);
  return value;
}

static inline void store32(uint8_t *at, uint32_t value) { __builtin_memcpy(at, &value, 4); }

// --- ChaCha20, four blocks at once: vector i holds word i of each block ---

static inline v128_t rotate16(v128_t x) {
  return wasm_i8x16_shuffle(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
}
static inline v128_t rotate12(v128_t x) { return wasm_v128_or(wasm_i32x4_shl(x, 12), wasm_u32x4_shr(x, 20)); }
static inline v128_t rotate8(v128_t x) {
  return wasm_i8x16_shuffle(x, x, 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14);
}
static inline v128_t rotate7(v128_t x) { return wasm_v128_or(wasm_i32x4_shl(x, 7), wasm_u32x4_shr(x, 25)); }

#define QUARTER_ROUND(a, b, c, d)              \
  a = wasm_i32x4_add(a, b);                    \
  d = rotate16(wasm_v128_xor(d, a));           \
  c = wasm_i32x4_add(c, d);                    \
  b = rotate12(wasm_v128_xor(b, c));           \
  a = wasm_i32x4_add(a, b);                    \
  d = rotate8(wasm_v128_xor(d, a));            \
  c = wasm_i32x4_add(c, d);                    \
  b = rotate7(wasm_v128_xor(b, c));

// Writes the key stream of blocks `block` to `block + 3`, xored with what lies at `from`, to `into`.
static inline void four_blocks(uint8_t *into, const uint8_t *from, uint32_t block, uint32_t low, uint32_t high) {
  v128_t s[16], x[16];
  for (int i = 0; i < 4; i++) s[i] = wasm_i32x4_splat(SIGMA[i]);
  for (int i = 0; i < 8; i++) s[4 + i] = wasm_i32x4_splat(key[i]);
  s[12] = wasm_i32x4_make(block, block + 1, block + 2, block + 3);
  s[13] = wasm_i32x4_splat(0);
  s[14] = wasm_i32x4_splat(low);
  s[15] = wasm_i32x4_splat(high);
  for (int i = 0; i < 16; i++) x[i] = s[i];
  for (int round = 0; round < 10; round++) {
    QUARTER_ROUND(x[0], x[4], x[8], x[12])
    QUARTER_ROUND(x[1], x[5], x[9], x[13])
    QUARTER_ROUND(x[2], x[6], x[10], x[14])
    QUARTER_ROUND(x[3], x[7], x[11], x[15])
    QUARTER_ROUND(x[0], x[5], x[10], x[15])
    QUARTER_ROUND(x[1], x[6], x[11], x[12])
    QUARTER_ROUND(x[2], x[7], x[8], x[13])
    QUARTER_ROUND(x[3], x[4], x[9], x[14])
  }
  for (int i = 0; i < 16; i++) x[i] = wasm_i32x4_add(x[i], s[i]);
  for (int row = 0; row < 4; row++) { // transpose words 4·row … 4·row + 3 of the four blocks
    v128_t a = x[4 * row], b = x[4 * row + 1], c = x[4 * row + 2], d = x[4 * row + 3];
    v128_t ab01 = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5), cd01 = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5);
    v128_t ab23 = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7), cd23 = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
    v128_t words[4] = {
        wasm_i64x2_shuffle(ab01, cd01, 0, 2),
        wasm_i64x2_shuffle(ab01, cd01, 1, 3),
        wasm_i64x2_shuffle(ab23, cd23, 0, 2),
        wasm_i64x2_shuffle(ab23, cd23, 1, 3),
    };
    for (int j = 0; j < 4; j++) {
      int at = 64 * j + 16 * row;
      wasm_v128_store(into + at, wasm_v128_xor(words[j], wasm_v128_load(from + at)));
    }
  }
}

static void clear_keystream(void) {
  for (int i = 0; i < 256; i += 16) wasm_v128_store(keystream + i, wasm_i32x4_splat(0));
}

// Xors `length` bytes with the key stream from block 1 on, and leaves block 0, the Poly1305 key, at `one_time_key`.
static void chacha20(uint8_t *into, const uint8_t *from, uint32_t length, uint8_t *one_time_key, uint32_t low, uint32_t high) {
  clear_keystream();
  four_blocks(keystream, keystream, 0, low, high);
  __builtin_memcpy(one_time_key, keystream, 32);
  uint32_t done = length < 192 ? length : 192, i = 0;
  for (; i + 16 <= done; i += 16)
    wasm_v128_store(into + i, wasm_v128_xor(wasm_v128_load(from + i), wasm_v128_load(keystream + 64 + i)));
  for (; i < done; i++) into[i] = from[i] ^ keystream[64 + i];
  uint32_t block = 4;
  for (; done + 256 <= length; done += 256, block += 4) four_blocks(into + done, from + done, block, low, high);
  if (done == length) return;
  clear_keystream();
  four_blocks(keystream, keystream, block, low, high);
  for (uint32_t j = 0; done < length; j++, done++) into[done] = from[done] ^ keystream[j];
}

// --- Poly1305 in limbs of 26 bits ---

typedef struct {
  uint64_t r[5], s[5], h[5];
} Poly;

#define LIMB 0x3ffffffu

static void poly_start(Poly *p, const uint8_t *k) {
  p->r[0] = load32(k) & 0x3ffffff;
  p->r[1] = (load32(k + 3) >> 2) & 0x3ffff03;
  p->r[2] = (load32(k + 6) >> 4) & 0x3ffc0ff;
  p->r[3] = (load32(k + 9) >> 6) & 0x3f03fff;
  p->r[4] = (load32(k + 12) >> 8) & 0x00fffff;
  for (int i = 0; i < 5; i++) {
    p->s[i] = p->r[i] * 5;
    p->h[i] = 0;
  }
}

static void poly_blocks(Poly *p, const uint8_t *m, uint32_t blocks) {
  uint64_t r0 = p->r[0], r1 = p->r[1], r2 = p->r[2], r3 = p->r[3], r4 = p->r[4];
  uint64_t s1 = p->s[1], s2 = p->s[2], s3 = p->s[3], s4 = p->s[4];
  uint64_t h0 = p->h[0], h1 = p->h[1], h2 = p->h[2], h3 = p->h[3], h4 = p->h[4];
  for (; blocks > 0; blocks--, m += 16) {
    h0 += load32(m) & LIMB;
    h1 += (load32(m + 3) >> 2) & LIMB;
    h2 += (load32(m + 6) >> 4) & LIMB;
    h3 += load32(m + 9) >> 6;
    h4 += (load32(m + 12) >> 8) | (1 << 24);
    uint64_t d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1;
    uint64_t d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2;
    uint64_t d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3;
    uint64_t d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4;
    uint64_t d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
    d1 += d0 >> 26;
    d2 += d1 >> 26;
    d3 += d2 >> 26;
    d4 += d3 >> 26;
    h0 = (d0 & LIMB) + (d4 >> 26) * 5;
    h1 = (d1 & LIMB) + (h0 >> 26);
    h0 &= LIMB;
    h2 = d2 & LIMB;
    h3 = d3 & LIMB;
    h4 = d4 & LIMB;
  }
  p->h[0] = h0, p->h[1] = h1, p->h[2] = h2, p->h[3] = h3, p->h[4] = h4;
}

static Tag poly_finish(const Poly *p, const uint8_t *k) {
  uint64_t h0 = p->h[0], h1 = p->h[1], h2 = p->h[2], h3 = p->h[3], h4 = p->h[4];
  h2 += h1 >> 26, h1 &= LIMB;
  h3 += h2 >> 26, h2 &= LIMB;
  h4 += h3 >> 26, h3 &= LIMB;
  h0 += (h4 >> 26) * 5, h4 &= LIMB;
  h1 += h0 >> 26, h0 &= LIMB;
  // g = h + 5 - 2^130: the reduced value where that isn't negative
  uint64_t g0 = h0 + 5, g1 = h1 + (g0 >> 26), g2 = h2 + (g1 >> 26), g3 = h3 + (g2 >> 26);
  uint64_t g4 = h4 + (g3 >> 26) - (1 << 26);
  uint64_t keep = (uint64_t)((int64_t)g4 >> 63); // all ones: h was reduced already
  h0 = (h0 & keep) | (g0 & LIMB & ~keep);
  h1 = (h1 & keep) | (g1 & LIMB & ~keep);
  h2 = (h2 & keep) | (g2 & LIMB & ~keep);
  h3 = (h3 & keep) | (g3 & LIMB & ~keep);
  h4 = (h4 & keep) | (g4 & LIMB & ~keep);
  Tag tag;
  uint64_t sum = (uint32_t)(h0 | h1 << 26) + (uint64_t)load32(k + 16);
  store32(tag.bytes, (uint32_t)sum);
  sum = (uint32_t)(h1 >> 6 | h2 << 20) + (uint64_t)load32(k + 20) + (sum >> 32);
  store32(tag.bytes + 4, (uint32_t)sum);
  sum = (uint32_t)(h2 >> 12 | h3 << 14) + (uint64_t)load32(k + 24) + (sum >> 32);
  store32(tag.bytes + 8, (uint32_t)sum);
  sum = (uint32_t)(h3 >> 18 | h4 << 8) + (uint64_t)load32(k + 28) + (sum >> 32);
  store32(tag.bytes + 12, (uint32_t)sum);
  return tag;
}

// The tag over a ciphertext without associated data (RFC 8439 §2.8): ciphertext, zero padding, two lengths.
static Tag authenticate(const uint8_t *ciphertext, uint32_t length, const uint8_t *one_time_key) {
  Poly p;
  poly_start(&p, one_time_key);
  poly_blocks(&p, ciphertext, length / 16);
  uint8_t last[32];
  for (int i = 0; i < 32; i += 16) wasm_v128_store(last + i, wasm_i32x4_splat(0));
  uint32_t rest = length % 16;
  for (uint32_t i = 0; i < rest; i++) last[i] = ciphertext[length - rest + i];
  store32(last + 24, length);
  poly_blocks(&p, rest > 0 ? last : last + 16, rest > 0 ? 2 : 1);
  return poly_finish(&p, one_time_key);
}

// --- what the host calls ---

// Returns where the 32 bytes of the key go.
EXPORT(key_at) uint32_t *key_at(void) { return key; }

// Encrypts `length` bytes at `from` to `into`, which may be equal, and writes the tag behind them.
EXPORT(seal) void seal(const uint8_t *from, uint32_t length, uint8_t *into, uint32_t low, uint32_t high) {
  uint8_t one_time_key[32];
  chacha20(into, from, length, one_time_key, low, high);
  Tag tag = authenticate(into, length, one_time_key);
  __builtin_memcpy(into + length, tag.bytes, 16);
}

// Decrypts `length` bytes at `from`, which are followed by their tag, to `into`. Returns 1 if the tag was right.
EXPORT(open) int open(const uint8_t *from, uint32_t length, uint8_t *into, uint32_t low, uint32_t high) {
  clear_keystream();
  four_blocks(keystream, keystream, 0, low, high);
  Tag tag = authenticate(from, length, keystream);
  v128_t difference = wasm_v128_xor(wasm_v128_load(tag.bytes), wasm_v128_load(from + length));
  if (wasm_v128_any_true(difference)) return 0;
  uint8_t one_time_key[32];
  chacha20(into, from, length, one_time_key, low, high);
  return 1;
}

// Adds up the little-endian 16-bit words of `length` bytes; an odd last byte is a low one. Folded to 16 bits.
// `length` is below 2^18: then no lane overflows.
EXPORT(checksum) uint32_t checksum(const uint8_t *at, uint32_t length) {
  v128_t lanes = wasm_i32x4_splat(0);
  for (; length >= 16; at += 16, length -= 16)
    lanes = wasm_i32x4_add(lanes, wasm_u32x4_extadd_pairwise_u16x8(wasm_v128_load(at)));
  uint64_t sum = (uint64_t)(uint32_t)wasm_i32x4_extract_lane(lanes, 0) + (uint32_t)wasm_i32x4_extract_lane(lanes, 1) +
                 (uint32_t)wasm_i32x4_extract_lane(lanes, 2) + (uint32_t)wasm_i32x4_extract_lane(lanes, 3);
  for (; length >= 2; at += 2, length -= 2) sum += at[0] | at[1] << 8;
  if (length > 0) sum += at[0];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return (uint32_t)sum;
}
