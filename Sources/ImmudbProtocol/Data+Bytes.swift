#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

extension Data {
    /// A copy of all bytes. `Array(data)` copies byte by byte through an iterator: 900 instructions
    /// for a short key.
    package var allBytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
}
