import Crypto
import Foundation
import ImmudbClient
import MerkleTree
import SimulatedDisk
import StorageIO
import Testing

@testable import ImmudbAuditor

@Suite("The auditor's log of roots")
struct RootLogTests {
    private let key = AuditorKey()
    private let disk = SimulatedDisk()

    private func open(
        _ disk: SimulatedDisk? = nil, known: LogHead = LogHead(), key: AuditorKey? = nil
    ) throws -> RootLog {
        try RootLog("/roots.log", on: disk ?? self.disk, known: known, key: key ?? self.key)
    }

    private func report(_ number: UInt64, _ verdict: Verdict = .consistent) -> RoundReport {
        var report = RoundReport(
            number: number, startedAt: Date(timeIntervalSince1970: 1_800_000_000),
            address: "127.0.0.1:3322")
        report.server = ServerIdentity("a")
        report.current = SignedRoot(
            TrustedRoot(
                size: TreeSize(number), root: Digest(hex: String(repeating: "ab", count: 32))!))
        if verdict != .consistent { report.findings = [Finding(verdict, "line\n\"two\"")] }
        return report
    }

    /// Fills a log, and returns its lines.
    private func fill(_ count: UInt64) throws -> (head: LogHead, lines: [[UInt8]]) {
        let log = try open()
        for number in 1...count {
            try log.append(report(number, number == 2 ? .forked : .consistent))
        }
        let lines = try #require(disk.bytes(of: "/roots.log")).split(
            separator: UInt8(ascii: "\n")
        ).map(Array.init)
        return (log.head, lines)
    }

    private func replace(_ lines: [[UInt8]]) {
        disk.replace("/roots.log", with: lines.flatMap { $0 + [UInt8(ascii: "\n")] })
    }

    @Test("is read again as it was written, and goes on where it ended")
    func reopened() throws {
        let (head, lines) = try fill(5)
        #expect(head.lineCount == 5)
        #expect(lines.count == 5)
        let log = try open(known: head)
        #expect(log.head == head)
        #expect(!log.isNews(report(5)))
        #expect(log.isNews(report(6)))
        #expect(log.isNews(report(5, .unreachable)))
        try log.append(report(6))
        #expect(try open(known: log.head).head.lineCount == 6)
        // The state is written after the line: it may be one behind.
        #expect(try open(known: head).head.lineCount == 6)
        let second = try #require(RootLogLine.parse(lines[1])?.line)
        #expect(second.verdict == .forked)
        #expect(second.findings == ["line\n\"two\""])
        #expect(second.signed?.root.size == TreeSize(2))
    }

    @Test(
        "has room for what a server says, however long it is, and takes no line that it would refuse later"
    )
    func longLines() throws {
        let log = try open()
        var report = report(1)
        let words = String(repeating: "\u{1}", count: 1 << 20)
        report.findings = (0..<300).map { _ in
            Finding(ClientError(.refused, words, status: .dataLoss), about: EntryIndex(1))
        }
        try log.append(report)
        let head = log.head
        #expect(try open(known: head).head == head)
        report.address = String(repeating: "a", count: RootLogCheck.largestLine)
        let error = #expect(throws: AuditorError.self) { try log.append(report) }
        #expect(error?.description.contains("more than") == true)
        #expect(log.head == head)
        #expect(try open(known: head).head == head)
    }

    @Test("is missed any line that is removed, swapped, repeated, or cut off its end")
    func lines() throws {
        let (head, lines) = try fill(5)
        func expectChange(_ lines: [[UInt8]], _ what: Comment) {
            replace(lines)
            let error = #expect(throws: AuditorError.self, what) { try open(known: head) }
            #expect(error?.code == .logChanged, what)
        }
        for place in lines.indices {
            var changed = lines
            changed.remove(at: place)
            expectChange(changed, "without line \(place + 1)")
            changed = lines
            changed.insert(lines[place], at: place)
            expectChange(changed, "twice line \(place + 1)")
            if place > 0 {
                changed = lines
                changed.swapAt(place, place - 1)
                expectChange(changed, "swapped line \(place + 1)")
            }
            expectChange(Array(lines[..<place]), "only \(place) lines")
        }
        expectChange(lines + [Array("{}".utf8)], "a strange line")
        replace(lines)
        #expect(try open(known: head).head == head)
    }

    @Test("is missed any changed byte, and names the line")
    func bytes() throws {
        let (head, lines) = try fill(3)
        let all = lines.flatMap { $0 + [UInt8(ascii: "\n")] }
        for position in all.indices {
            disk.flip("/roots.log", byte: position, bit: position % 7)
            let error = #expect(throws: AuditorError.self) { try open(known: head) }
            #expect(error?.code == .logChanged)
            #expect(error?.description.contains("line") == true, "\(String(describing: error))")
            disk.replace("/roots.log", with: all)
        }
    }

    @Test("is not taken from somebody who has written all of it anew with another key")
    func otherKey() throws {
        let (head, lines) = try fill(3)
        #expect(throws: AuditorError.self) { try open(known: head, key: AuditorKey()) }
        // The forger's log has other digests.
        let forged = SimulatedDisk()
        let log = try open(forged, key: AuditorKey())
        for number: UInt64 in 1...3 { try log.append(report(number)) }
        let error = #expect(throws: AuditorError.self) { try open(forged) }
        #expect(error?.description.contains("not signed with the auditor's key") == true)
        #expect(lines.count == 3)
    }

    @Test("loses no line that was added, whatever call fails, and goes on afterwards")
    func everyFailure() throws {
        let calls = try callCount(of: 4)
        for number in 1...calls {
            let disk = SimulatedDisk(seed: UInt64(number))
            disk.fail(.call(number), error: ENOSPC)
            var head = LogHead()
            var log = try? open(disk)
            for line: UInt64 in 1...4 {
                if log == nil { log = try? open(disk, known: head) }
                do {
                    try log?.append(report(line))
                } catch {
                    // As after a failed sync, a new start.
                    head = log?.head ?? head
                    log = nil
                }
                head = log?.head ?? head
            }
            disk.heal()
            let found = try open(disk, known: head)
            #expect(found.head.lineCount >= head.lineCount)
            try found.append(report(9))
        }
    }

    private func callCount(of lineCount: UInt64) throws -> Int {
        let disk = SimulatedDisk()
        let log = try open(disk)
        for line in 1...lineCount { try log.append(report(line)) }
        return disk.callCount
    }

    @Test(
        "takes no line while the disk is full, leaves no half of one, and goes on when there is room"
    )
    func fullDisk() throws {
        let log = try open()
        try log.append(report(1))
        let head = log.head
        disk.fail(.kind(.write), error: ENOSPC, times: nil)
        for _ in 0..<3 {
            let error = #expect(throws: AuditorError.self) { try log.append(report(2)) }
            #expect(error?.description.contains("cannot add a line to the log") == true)
        }
        #expect(log.head == head)
        disk.heal()
        try log.append(report(2))
        let found = try open(known: log.head)
        #expect(found.head.lineCount == 2)
    }

    @Test("takes no line after a failed sync, of which nothing is known, until it is opened again")
    func failedSync() throws {
        let log = try open()
        try log.append(report(1))
        disk.fail(.kind(.synchronizeData), error: EIO)
        #expect(throws: AuditorError.self) { try log.append(report(2)) }
        let error = #expect(throws: AuditorError.self) { try log.append(report(2)) }
        #expect(error?.description.contains("start the auditor again") == true)
        let again = try open(known: log.head)
        try again.append(report(3))
        #expect(try open(known: again.head).head.lineCount >= 2)
    }

    @Test("survives a power failure at every call with every line that was added")
    func crashes() throws {
        let calls = try callCount(of: 3)
        for number in 1...calls {
            let disk = SimulatedDisk(seed: UInt64(number))
            disk.stop(afterCall: number)
            var added: UInt64 = 0
            if let log = try? open(disk) {
                for line: UInt64 in 1...3 {
                    do {
                        try log.append(report(line))
                        added = line
                    } catch { break }
                }
            }
            for policy in [CrashPolicy.tearingLastWrite(byteCount: 10), .losingUnsynchronized] {
                let after = disk.crashed(policy)
                let log = try open(after)
                #expect(log.head.lineCount >= added)
                try log.append(report(8))
                #expect(try open(after, known: log.head).head.lineCount == log.head.lineCount)
            }
        }
    }
}
