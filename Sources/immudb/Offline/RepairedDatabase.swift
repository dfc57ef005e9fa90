import ImmudbStore
import Terminal

/// The result of a repair of one database, as it is printed.
struct RepairedDatabase {
    let database: OfflineData.Database
    let result: Result<RepairReport, StoreError>

    var failure: StoreError? {
        if case .failure(let error) = result { error } else { nil }
    }

    var isDamaged: Bool {
        if case .success(let report) = result { !report.isRepaired } else { false }
    }

    func print() {
        switch result {
        case .failure(let error):
            StandardError.write(line: "Error: \(database.path) could not be repaired: \(error)")
        case .success(let report):
            for line in Self.lines(of: report) {
                Swift.print(String(decoding: TerminalText.escapedLine(line), as: UTF8.self))
            }
        }
    }

    static func lines(of report: RepairReport) -> [String] {
        if report.before.isWhole { return ["\(report.before.path): whole, nothing to repair"] }
        var lines = report.before.problems.map { "found: \($0)" }
        for replacement in report.replacements {
            let ranges = replacement.entries.map { range in
                range.count == 1
                    ? "\(range.lowerBound)" : "\(range.lowerBound) to \(range.upperBound - 1)"
            }
            let what =
                switch replacement.entryCount {
                case 0: "no entry was missing"
                case 1: "entry \(ranges.joined())"
                default: "entries \(ranges.joined(separator: ", "))"
                }
            lines.append(
                "replaced: \(replacement.segment): \(what); proven by \(text(of: replacement.proof))"
            )
        }
        if report.replacements.contains(where: { $0.entryCount > 0 }) {
            lines.append(
                "note: roots prove keys and values. Kinds, ends of batches and times are as the other copy has them"
            )
        }
        lines += report.discardedViews.map { "to be made again at the next start: \($0)" }
        lines += report.failures.map { "not repaired: \($0)" }
        let left = report.after.problems.filter { _ in !report.isRepaired }
        lines += left.map { "left: \($0)" }
        let root = TrustedRoot(
            size: report.after.size,
            root: report.after.size.isEmpty ? .emptyTree : report.after.root)
        lines.append(
            "\(report.after.path): \(report.isRepaired ? "repaired" : "damage is left"). "
                + "\(report.after.size) entries, root \(root.text)")
        return lines
    }

    private static func text(of proof: RepairReport.Proof) -> String {
        switch proof {
        case .root: "a later root of this ledger"
        case .leaves: "the leaves in the tree file"
        case .expectedRoot: "the root that was given"
        }
    }

    // MARK: for programs

    private struct Document: Encodable {
        var databases: [Part]
        var repaired: Bool
    }

    private struct Part: Encodable {
        var database: String
        var path: String
        var error: String?
        var repaired: Bool?
        var problemsBefore: UInt64?
        var problemsLeft: UInt64?
        var replacements: [Segment]?
        var failures: [String]?
        var discardedViews: [String]?
        var entries: UInt64?
        var root: String?
    }

    private struct Segment: Encodable {
        var segment: String
        var entries: [Entries]
        var proof: String
    }

    private struct Entries: Encodable {
        var first: UInt64
        var count: UInt64
    }

    private var part: Part {
        var part = Part(database: database.name, path: database.path)
        switch result {
        case .failure(let error): part.error = "\(error)"
        case .success(let report):
            part.repaired = report.isRepaired
            part.problemsBefore = report.before.problemCount
            part.problemsLeft = report.isRepaired ? 0 : report.after.problemCount
            part.replacements = report.replacements.map { replacement in
                Segment(
                    segment: replacement.segment,
                    entries: replacement.entries.map {
                        Entries(first: $0.lowerBound, count: UInt64($0.count))
                    }, proof: replacement.proof.rawValue)
            }
            part.failures = report.failures
            part.discardedViews = report.discardedViews
            part.entries = report.after.size.rawValue
            part.root = report.after.root.hex
        }
        return part
    }

    static func printJSON(_ results: [RepairedDatabase]) throws {
        try OfflineJSON.print(
            Document(
                databases: results.map(\.part),
                repaired: results.allSatisfy { $0.failure == nil && !$0.isDamaged }))
        for result in results where result.failure != nil { result.print() }
    }
}
