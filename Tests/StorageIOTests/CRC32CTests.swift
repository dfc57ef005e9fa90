import CCRC32C
import Testing

@testable import StorageIO

struct CRC32CTests {
    // The vectors of RFC 3720, appendix B.4.
    @Test(
        "gives the published checksum for known bytes",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
            (Array("123456789".utf8), 0xE306_9283),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func knownValues(bytes: [UInt8], expected: UInt32) {
        #expect(bytes.withUnsafeBytes(CRC32C.checksum) == expected)
        bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            #expect(~CRC32CTables.remainder(after: ~0, start, bytes.count) == expected)
            guard crc32c_is_available() else { return }
            #expect(~crc32c_update(~0, start, bytes.count) == expected)
        }
    }

    @Test("gives the same by instruction and tables, for any length, alignment and beginning")
    func instruction() {
        guard crc32c_is_available() else { return }
        // Long ones are taken in lanes of 256 and of 64 bytes.
        let bytes = (0..<2100).map { UInt8(truncatingIfNeeded: $0 * $0 * 31 + 7) }
        bytes.withUnsafeBytes { bytes in
            for start in 0..<9 {
                for end in start...bytes.count where end < 300 || end % 3 == start % 3 {
                    let part = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
                    guard let address = part.baseAddress else { continue }
                    let before = UInt32(truncatingIfNeeded: end &* 0x9E37_79B9)
                    let byTables = CRC32CTables.remainder(after: before, address, part.count)
                    #expect(crc32c_update(before, address, part.count) == byTables)
                }
            }
        }
    }

    @Test("does not depend on how the bytes are split")
    func pieces() {
        let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 37) }
        let whole = bytes.withUnsafeBytes(CRC32C.checksum)
        for cut in 0...bytes.count {
            var crc = CRC32C()
            bytes[..<cut].withUnsafeBytes { crc.update($0) }
            bytes[cut...].withUnsafeBytes { crc.update($0) }
            #expect(crc.value == whole)
        }
    }
}
