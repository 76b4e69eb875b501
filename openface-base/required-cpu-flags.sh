#!/bin/sh
# Print, one a line, the /proc/cpuinfo flags that code compiled with these compiler flags needs:
#   required-cpu-flags.sh [COMPILER_FLAG...]
# The compiler defines a macro for each instruction set that it may use.
set -eu
"${CXX:-g++}" "$@" -dM -E -x c++ /dev/null | awk '
    BEGIN {
        # The names differ where the kernel is older than the name that stuck.
        split("SSE3:pni SSSE3:ssse3 SSE4_1:sse4_1 SSE4_2:sse4_2 POPCNT:popcnt CRC32:sse4_2 MOVBE:movbe " \
              "AVX:avx AVX2:avx2 F16C:f16c FMA:fma BMI:bmi1 BMI2:bmi2 LZCNT:abm XSAVE:xsave " \
              "AVX512F:avx512f AVX512BW:avx512bw AVX512CD:avx512cd AVX512DQ:avx512dq AVX512VL:avx512vl " \
              "AVX512VNNI:avx512_vnni", pairs, " ")
        for (i in pairs) { split(pairs[i], pair, ":"); flag["__" pair[1] "__"] = pair[2] }
    }
    $2 in flag { print flag[$2] }' | sort -u
