#ifndef CCRC32C_H
#define CCRC32C_H

// The processor's instruction for CRC-32C, which Swift has no name for.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Whether this processor has the instruction.
bool crc32c_is_available(void);

/// Adds bytes to a checksum's state: the remainder so far, without the inversions at the beginning and at
/// the end. Call it only where the instruction is available.
uint32_t crc32c_update(uint32_t state, const void *bytes, size_t count);

#ifdef __cplusplus
}
#endif

#endif
