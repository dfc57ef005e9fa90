import Foundation
import ImmudbStore
import Terminal

/// The result of a check of one database, as it is printed.
struct VerifiedDatabase {
    let database: OfflineData.Database
    let result: Result<VerificationReport, StoreError>

    init(_ database: OfflineData.Database, _ result: Result<VerificationReport, StoreError>) {
        self.database = database
        self.result = result
    }

    var failure: StoreError? {
        if case .failure(let error) = result { error } else { nil }
    }

    var isDamaged: Bool {
        if case .success(let report) = result { !report.isWhole } else { false }
    }

    // MARK: for people

    /// Prints the result; the reason of a check that could not be made goes to the standard error.
    func print() {
        switch result {
        case .failure(let error):
            StandardError.write(line: "Error: \(database.path) could not be checked: \(error)")
        case .success(let report):
            for line in Self.lines(of: report) {
                Swift.print(String(decoding: TerminalText.escapedLine(line), as: UTF8.self))
            }
        }
    }

    static func lines(of report: VerificationReport) -> [String] {
        var lines = report.problems.map(\.description)
        let left = report.problemCount - UInt64(report.problems.count)
        if left > 0 { lines.append("… and \(left) more problems") }
        lines += report.notes.map { "note: \($0)" }
        let root = TrustedRoot(
            size: report.size, root: report.size.isEmpty ? .emptyTree : report.root)
        let verdict =
            report.isWhole
            ? "whole"
            : report.problemCount == 1 ? "1 problem" : "\(report.problemCount) problems"
        let seconds = report.duration / .seconds(1)
        lines.append(
            "\(report.path): \(verdict). \(report.size) entries, root \(root.text); "
                + "\(megabytes(Double(report.byteCount))) MB in \(String(format: "%.1f", seconds)) s, "
                + "\(megabytes(report.bytesPerSecond)) MB/s")
        return lines
    }

    private static func megabytes(_ byteCount: Double) -> String {
        String(format: "%.1f", byteCount / 1e6)
    }

    // MARK: for programs

    /// The document that `--json` prints; docs/checking.md has its fields.
    private struct Document: Encodable {
        var databases: [Part]
        var whole: Bool
    }

    private struct Part: Encodable {
        var database: String
        var path: String
        var error: String?
        var whole: Bool?
        var identity: String?
        var entries: UInt64?
        var root: String?
        var problemCount: UInt64?
        var problems: [Problem]?
        var notes: [String]?
        var bytes: UInt64?
        var seconds: Double?
    }

    private struct Problem: Encodable {
        var kind: String
        var file: String
        var offset: UInt64?
        var firstEntry: UInt64?
        var entryCount: UInt64
        var key: String?
        var keyBase64: String?
        var what: String

        init(_ problem: VerificationProblem) {
            kind = problem.kind.rawValue
            file = problem.file
            offset = problem.offset
            firstEntry = problem.firstEntry
            entryCount = problem.entryCount
            what = problem.what
            if let bytes = problem.key {
                key = String(validating: bytes, as: UTF8.self)
                keyBase64 = key == nil ? Data(bytes).base64EncodedString() : nil
            }
        }
    }

    private var part: Part {
        var part = Part(database: database.name, path: database.path)
        switch result {
        case .failure(let error): part.error = "\(error)"
        case .success(let report):
            part.whole = report.isWhole
            part.identity = report.identity?.description
            part.entries = report.size.rawValue
            part.root = report.root.hex
            part.problemCount = report.problemCount
            part.problems = report.problems.map(Problem.init)
            part.notes = report.notes
            part.bytes = report.byteCount
            part.seconds = report.duration / .seconds(1)
        }
        return part
    }

    static func printJSON(_ results: [VerifiedDatabase]) throws {
        let document = Document(
            databases: results.map(\.part),
            whole: results.allSatisfy { $0.failure == nil && !$0.isDamaged })
        try OfflineJSON.print(document)
        for result in results where result.failure != nil { result.print() }
    }
}

/// Documents for programs.
enum OfflineJSON {
    static func print(_ document: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        Swift.print(String(decoding: try encoder.encode(document), as: UTF8.self))
    }
}
