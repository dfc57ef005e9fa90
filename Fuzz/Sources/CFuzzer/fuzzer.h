#include <stddef.h>
#include <stdint.h>

/// Runs libFuzzer with a command line; `run` is called with one input after the other.
/// See https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *data, size_t size));
