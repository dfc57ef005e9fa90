#if canImport(CLibcrypto)
    import CLibcrypto

    /// SHA-256 by libcrypto, with a context on the stack: a digest allocates nothing.
    struct SHA256Context {
        private let context: UnsafeMutablePointer<SHA256_CTX>

        // The three functions of libcrypto always return 1: they do arithmetic on memory of the caller, and cannot
        // fail.

        @inline(__always)
        func update(_ bytes: UnsafeRawBufferPointer) {
            SHA256_Update(context, bytes.baseAddress, bytes.count)
        }

        /// Returns the digest of the bytes that `feed` passes to a context.
        @inline(__always)
        static func digest(_ feed: (SHA256Context) -> Void) -> Digest {
            withUnsafeTemporaryAllocation(of: SHA256_CTX.self, capacity: 1) { contexts in
                withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { result in
                    let context = contexts.baseAddress!
                    SHA256_Init(context)
                    feed(SHA256Context(context: context))
                    let start = result.baseAddress!
                    SHA256_Final(start.assumingMemoryBound(to: UInt8.self), context)
                    return Digest(loadingFrom: UnsafeRawPointer(start))
                }
            }
        }
    }
#else
    import CryptoKit

    /// SHA-256 by CryptoKit where there is no libcrypto: for phones that verify.
    struct SHA256Context {
        private let context: UnsafeMutablePointer<SHA256>

        func update(_ bytes: UnsafeRawBufferPointer) {
            context.pointee.update(bufferPointer: bytes)
        }

        /// Returns the digest of the bytes that `feed` passes to a context.
        static func digest(_ feed: (SHA256Context) -> Void) -> Digest {
            var context = SHA256()
            withUnsafeMutablePointer(to: &context) { feed(SHA256Context(context: $0)) }
            return context.finalize().withUnsafeBytes {
                Digest(loadingFrom: $0.baseAddress!)
            }
        }
    }
#endif
