#!/bin/sh
# Compiles kernel.c and writes it as text to kernel-bytes.ts. Needs clang and lld; `apt-get install clang lld`.
set -eu
cd "$(dirname "$0")"
out=${1:-kernel-bytes.ts}
binary=$(mktemp)
trap 'rm -f "$binary"' EXIT
clang --target=wasm32 -O3 -msimd128 -ffreestanding -nostdlib -fno-exceptions \
  -Wl,--no-entry -Wl,--import-memory -Wl,--initial-memory=65536 -Wl,--strip-all -Wl,-z,stack-size=16384 \
  -o "$binary" kernel.c
{
  echo '// Made from kernel.c by build.sh.'
  echo
  echo '/** The WebAssembly module of `kernel.c`, in base64. */'
  echo 'export const KERNEL_WASM ='
  printf "  '%s'\n" "$(base64 -w0 "$binary")"
} >"$out"
