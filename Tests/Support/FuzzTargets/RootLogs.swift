import Crypto
import Foundation
import ImmudbAuditor
import SimulatedDisk
import StorageIO

/// The log of an auditor is refused with the line that is wrong, or is what the auditor wrote.
///
/// The first byte says whether the input is the log, or what the auditor is to write into it and what is changed then.
func fuzzRootLogs(_ bytes: [UInt8]) throws {
    var input = FuzzInput(bytes)
    guard input.byte() & 1 == 1 else {
        let log = input.all()
        let check = try checked(log, known: LogHead())
        return try require(
            (check?.byteCount ?? 0) <= UInt64(log.count), "more bytes are valid than there are")
    }
    let place = Int(input.number(byteCount: 2))
    let change = input.byte()
    let (log, head) = try writtenLog(&input)
    guard let whole = try checked(log, known: head) else {
        throw FuzzFailure("a log that the auditor wrote is refused")
    }
    try require(whole.head == head && whole.byteCount == UInt64(log.count), "lines are missing")
    guard change != 0, !log.isEmpty else { return }
    var changed = log
    changed[place % log.count] ^= change
    try require(try checked(changed, known: head) == nil, "a changed log is taken, byte \(place)")
}

private let auditorKey: Curve25519.Signing.PrivateKey = {
    let seed = Data(repeating: 7, count: 32)
    guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: seed) else {
        preconditionFailure("32 bytes are a key")
    }
    return key
}()

/// - Returns: nil if the log is refused.
private func checked(_ log: [UInt8], known: LogHead) throws -> RootLogCheck? {
    let disk = SimulatedDisk()
    let file = try disk.open("/log", .createNew)
    try file.write(log, at: 0)
    do {
        return try RootLogCheck(file, known: known, key: auditorKey.publicKey)
    } catch let error as AuditorError {
        try require(error.code == .logChanged, "\(error)")
        return nil
    }
}

/// Writes the lines of an auditor whose server says what the input has.
private func writtenLog(_ input: inout FuzzInput) throws -> (bytes: [UInt8], head: LogHead) {
    var head = LogHead()
    var log: [UInt8] = []
    repeat {
        let verdict = Verdict.allCases[Int(input.byte()) % Verdict.allCases.count]
        var line: [String: Any] = [
            "line": head.lineCount + 1, "time": "2026-11-29T00:00:00Z", "previous": head.digest,
            "address": String(decoding: input.chunk(), as: UTF8.self),
            "verdict": verdict.rawValue,
        ]
        let finding = input.chunk()
        if !finding.isEmpty { line["findings"] = [String(decoding: finding, as: UTF8.self)] }
        if input.byte() & 1 == 1 {
            line["size"] = input.number(byteCount: 7)
            line["root"] = String(decoding: input.chunk(), as: UTF8.self)
        }
        let object = try JSONSerialization.data(
            withJSONObject: line, options: [.sortedKeys, .withoutEscapingSlashes])
        let payload = object.dropLast()
        let signature = try auditorKey.signature(for: payload).base64EncodedString()
        let bytes = Array(payload) + Array(#","signature":"\#(signature)"}"#.utf8)
        let digest = SHA256.hash(data: bytes).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        head = LogHead(lineCount: head.lineCount + 1, digest: digest.joined())
        log += bytes + [UInt8(ascii: "\n")]
    } while !input.isAtEnd && head.lineCount < 8
    return (log, head)
}
