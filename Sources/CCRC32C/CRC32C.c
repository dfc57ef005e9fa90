#include "CCRC32C.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("sse4.2,pclmul")))
#define ADD_8(state, byte) _mm_crc32_u8(state, byte)
#define ADD_64(state, word) ((uint32_t)_mm_crc32_u64(state, word))
#define HAS_LANES 1

bool crc32c_is_available(void) {
    unsigned int a, b, c, d;
    const unsigned int needed = bit_SSE4_2 | bit_PCLMUL;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & needed) == needed;
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

TARGET static inline uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    __builtin_memcpy(&word, bytes, 8);
    return word;
}

#ifdef HAS_LANES

// A step of the instruction waits three cycles for the one before, and another one could begin each cycle. So three lanes
// of bytes are taken at once, and their remainders joined: one that n bytes follow is multiplied by x^(8n).
//
// The product of two reflected numbers is one bit too low, and the instruction multiplies by x^32 while it reduces 64
// bits: hence the factors x^(8n - 33) mod P, reflected. The tests compare all of this with the tables.

typedef struct {
    size_t byte_count;
    uint64_t past_one;
    uint64_t past_two;
} lane;

static const lane long_lane = {256, 0xb9e02b86, 0xdd7e3b0c};
static const lane short_lane = {64, 0x9e4addf8, 0x0d3b6092};

TARGET static inline uint32_t update_lanes(uint32_t state, const uint8_t *bytes, lane lane) {
    uint32_t second = 0, third = 0;
    for (size_t i = 0; i < lane.byte_count; i += 8) {
        state = ADD_64(state, word_at(bytes + i));
        second = ADD_64(second, word_at(bytes + lane.byte_count + i));
        third = ADD_64(third, word_at(bytes + 2 * lane.byte_count + i));
    }
    __m128i factors = _mm_set_epi64x((long long)lane.past_one, (long long)lane.past_two);
    __m128i moved = _mm_xor_si128(
        _mm_clmulepi64_si128(_mm_cvtsi64_si128(state), factors, 0x00),
        _mm_clmulepi64_si128(_mm_cvtsi64_si128(second), factors, 0x10));
    return ADD_64(0, (uint64_t)_mm_cvtsi128_si64(moved)) ^ third;
}

#endif

TARGET uint32_t crc32c_update(uint32_t state, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
#ifdef HAS_LANES
    for (; count >= 3 * 256; count -= 3 * 256, next += 3 * 256)
        state = update_lanes(state, next, long_lane);
    for (; count >= 3 * 64; count -= 3 * 64, next += 3 * 64)
        state = update_lanes(state, next, short_lane);
#endif
    for (; count >= 8; count -= 8, next += 8) state = ADD_64(state, word_at(next));
    for (; count > 0; count--, next++) state = ADD_8(state, *next);
    return state;
}
