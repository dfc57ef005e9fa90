// Tells ThreadSanitizer about `Synchronization.Mutex` on Linux. Only Scripts/sanitize.sh links this
// file into the tests.
//
// The mutex is one word. Without contention, threads take it by compare-and-exchange, which the
// compiler inlines and ThreadSanitizer sees. Under contention, the kernel changes the word
// (FUTEX_LOCK_PI), in functions of libswiftSynchronization that are compiled without
// ThreadSanitizer: the accesses of the thread that unlocks would seem to race with those of the
// next one. The functions below have the same names, so the linker takes them instead. They call
// the originals, and tell ThreadSanitizer the order.
//
// If a later toolchain renames the functions, the false reports come back.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

void __tsan_acquire(void *address);
void __tsan_release(void *address);

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef SWIFT void (*Lock)(uint32_t thread, SELF void *word);
typedef SWIFT _Bool (*TryLock)(SELF void *word);
typedef SWIFT void (*Unlock)(SELF void *word);

SWIFT void lock(uint32_t thread, SELF void *word) __asm__(LOCK);
SWIFT _Bool tryLock(SELF void *word) __asm__(TRY_LOCK);
SWIFT void unlock(SELF void *word) __asm__(UNLOCK);

static Lock originalLock;
static TryLock originalTryLock;
static Unlock originalUnlock;

static void *original(const char *name) {
    void *address = dlsym(RTLD_NEXT, name);
    if (!address) abort();
    return address;
}

// Runs before main, so that no thread finds them missing.
__attribute__((constructor)) static void findOriginals(void) {
    originalLock = (Lock)original(LOCK);
    originalTryLock = (TryLock)original(TRY_LOCK);
    originalUnlock = (Unlock)original(UNLOCK);
}

SWIFT void lock(uint32_t thread, SELF void *word) {
    originalLock(thread, word);
    __tsan_acquire(word);
}

SWIFT _Bool tryLock(SELF void *word) {
    _Bool isLocked = originalTryLock(word);
    if (isLocked) __tsan_acquire(word);
    return isLocked;
}

SWIFT void unlock(SELF void *word) {
    __tsan_release(word);
    originalUnlock(word);
}
