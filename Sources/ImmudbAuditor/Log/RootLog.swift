import Crypto
import Foundation
import ImmudbClient
import StorageIO

/// The auditor's log of the roots that it saw: a file of lines that are only added, each durable before it counts.
///
/// All functions block. Not for use from several threads at once.
final class RootLog {
    private let file: any StorageFile
    private let key: AuditorKey
    private(set) var head: LogHead
    /// Where the next line goes.
    private var byteCount: UInt64
    private(set) var last: RootLogLine?
    private(set) var roots: LoggedRoots
    /// Whether bytes of a line that failed may be behind `byteCount`.
    private var mayHaveTail = false
    private var hasFailedSync = false

    /// Opens the log, or makes it, and checks all of it.
    ///
    /// A line that was cut short by a crash was never counted: it is removed.
    ///
    /// - Parameter known: where it has to reach at least.
    /// - Throws: `AuditorError`.
    init(
        _ path: String, on disk: any FileSystem, known: LogHead, key: AuditorKey
    ) throws(AuditorError) {
        self.key = key
        do {
            let isThere = try disk.exists(path)
            file = try disk.open(path, isThere ? .readWrite : .createNew)
            let check = try RootLogCheck(file, known: known, key: key.secret.publicKey)
            head = check.head
            byteCount = check.byteCount
            last = check.last
            roots = check.roots
            // Also if an earlier start has made the file and failed here.
            if byteCount == 0 { try disk.synchronizeDirectory(Self.folder(of: path)) }
            if try file.byteCount() > byteCount {
                try file.truncate(to: byteCount)
                try file.synchronize()
            }
        } catch let error as AuditorError {
            throw error
        } catch {
            throw AuditorError(.files, "cannot use the log \(path): \(error)")
        }
    }

    /// Adds a line. When it returns, the line is durable.
    ///
    /// - Throws: `AuditorError`: the line is not in the log, which goes on with the next one. After a failed sync nothing
    ///   is known of the disk, and no line is taken any more until the log is opened again.
    func append(_ report: RoundReport) throws(AuditorError) {
        do {
            guard !hasFailedSync else {
                throw AuditorError(.files, "the disk has failed before: start the auditor again")
            }
            if mayHaveTail {
                try file.truncate(to: byteCount)
                mayHaveTail = false
            }
            let line = RootLogLine(report, after: head)
            let bytes = try line.bytes(signedWith: key)
            // The next check would take it for a change.
            guard bytes.count <= RootLogCheck.largestLine else {
                throw AuditorError(
                    .files, "it has \(bytes.count) bytes, more than \(RootLogCheck.largestLine)")
            }
            mayHaveTail = true
            try file.write(bytes + [UInt8(ascii: "\n")], at: byteCount)
            do {
                try file.synchronizeData()
            } catch {
                hasFailedSync = true
                throw error
            }
            mayHaveTail = false
            byteCount += UInt64(bytes.count) + 1
            head = LogHead(lineCount: line.line, digest: RootLogLine.digest(of: bytes))
            last = line
            roots.add(line)
        } catch {
            throw AuditorError(.files, "cannot add a line to the log \(file.path): \(error)")
        }
    }

    /// Whether a report says something else than the last line.
    func isNews(_ report: RoundReport) -> Bool {
        guard let last else { return true }
        let line = RootLogLine(report, after: head)
        return last.verdict != line.verdict || last.root != line.root || last.size != line.size
            || last.server != line.server || last.findings != line.findings
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

extension RootLogLine {
    /// Makes the line of a report that follows another line.
    init(_ report: RoundReport, after head: LogHead) {
        let signature = report.current?.signature
        self.init(
            line: head.lineCount + 1, time: report.startedAt.formatted(.iso8601),
            previous: head.digest, address: report.address, server: report.server?.text,
            verdict: report.verdict, size: report.current?.root.size.rawValue,
            root: report.current?.root.root.hex,
            serverSignature: signature.map {
                Signature(
                    signature: Data($0.signature).base64EncodedString(),
                    publicKey: Data($0.publicKey).base64EncodedString())
            },
            findings: report.findings.isEmpty
                ? nil : report.findings.prefix(EntryReader.findingLimit).map(\.message))
    }
}
