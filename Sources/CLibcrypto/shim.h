// SHA256_Init, _Update and _Final work on a context of the caller's, without an allocation. OpenSSL 3 prefers its
// EVP interface, which allocates, and marks these as deprecated; they stay part of its ABI.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
