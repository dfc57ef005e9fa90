#include "CCRC32C.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <nmmintrin.h>

#define TARGET __attribute__((target("sse4.2")))
#define ADD_8(state, byte) _mm_crc32_u8(state, byte)
#define ADD_64(state, word) ((uint32_t)_mm_crc32_u64(state, word))

bool crc32c_is_available(void) {
    unsigned int a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2) != 0;
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32) && !defined(__ARM_BIG_ENDIAN)

// Part of the architecture that the compiler was told to build for, as all of Apple's.
#include <arm_acle.h>

#define TARGET
#define ADD_8(state, byte) __crc32cb(state, byte)
#define ADD_64(state, word) __crc32cd(state, word)

bool crc32c_is_available(void) { return true; }

#else

#define TARGET
#define ADD_8(state, byte) ((void)(byte), (state))
#define ADD_64(state, word) ((void)(word), (state))

bool crc32c_is_available(void) { return false; }

#endif

TARGET uint32_t crc32c_update(uint32_t state, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    for (; count >= 8; count -= 8, next += 8) {
        uint64_t word;
        __builtin_memcpy(&word, next, 8);
        state = ADD_64(state, word);
    }
    for (; count > 0; count--, next++) state = ADD_8(state, *next);
    return state;
}
