import StorageIO
import Testing

struct CRC32CTests {
    // RFC 3720, appendix B.4.
    @Test(
        "the checksum of known bytes is the published one",
        arguments: [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
            ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E),
            (Array("123456789".utf8), 0xE306_9283),
            ([], 0),
        ] as [([UInt8], UInt32)])
    func knownValues(bytes: [UInt8], expected: UInt32) {
        #expect(bytes.withUnsafeBytes(CRC32C.checksum) == expected)
    }

    @Test("the checksum does not depend on how the bytes are cut into pieces")
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
