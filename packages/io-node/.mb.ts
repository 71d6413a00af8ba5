import { nativeCipher } from './src/crypto/native-cipher.ts'
import { wasmCipher } from './src/crypto/wasm-cipher.ts'
import { createArena } from './src/kernel/kernel.ts'

const arena = createArena(1 << 20)
for (const c of [nativeCipher()!, wasmCipher()])
  for (const n of [1280, 1272, 64]) {
    const key = c.importKey(new Uint8Array(32).fill(7))
    const N = 2000
    const run = (f: () => void) => {
      let best = 1e9
      for (let k = 0; k < 60; k++) {
        const t = performance.now()
        f()
        best = Math.min(best, ((performance.now() - t) * 1e6) / N)
      }
      return best.toFixed(0)
    }
    const seal = run(() => {
      for (let i = 0; i < N; i++) c.seal(key, i & 31, arena, 1024 + (i & 31) * 1536, n, 100000 + (i & 31) * 1536)
    })
    let ok = 0,
      all = 0
    const open = run(() => {
      for (let i = 0; i < N; i++) {
        all++
        ok += +c.open(key, i & 31, arena, 100000 + (i & 31) * 1536, n, 300000 + (i & 31) * 1536)
      }
    })
    console.log(c.name, n, 'seal', seal, 'open', open, ok === all)
  }
