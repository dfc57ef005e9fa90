import ClientKit
import Foundation
import ImmudbAuditor
import ImmudbClient
import Terminal

/// What one round of the auditor came to.
struct AuditRoundReport: Report {
    let report: RoundReport

    func text(_ display: Display) -> [UInt8] {
        let lines =
            [report.resultLine]
            + report.findings.map { "\($0.verdict.rawValue): \($0.message)" }
            + report.warnings.map { "warning: \($0)" }
        // A server's words begin no line of their own.
        return lines.flatMap { TerminalText.escapedLine($0) + [UInt8(ascii: "\n")] }
    }

    var json: JSONObject {
        var object: JSONObject = [
            "verdict": .text(report.verdict.rawValue),
            "consistent": .truth(report.verdict == .consistent),
            "address": .text(report.address), "entriesRead": .number(report.entryCount),
            "bytesRead": .number(report.byteCount),
            "findings": .list(report.findings.map { .object($0.json) }),
            "warnings": .list(report.warnings.map { .text($0) }),
        ]
        object["server"] = report.server.map { .text($0.text) }
        object["previousRoot"] = report.previous.map { .object($0.json) }
        object["currentRoot"] = report.current.map { .object($0.root.json) }
        return object
    }
}

extension Finding {
    fileprivate var json: JSONObject {
        var object: JSONObject = ["verdict": .text(verdict.rawValue), "message": .text(message)]
        object["index"] = index.map { .number($0.rawValue) }
        object["evidence"] = evidenceFile.map { .text($0) }
        return object
    }
}

extension TrustedRoot {
    fileprivate var json: JSONObject {
        ["size": .number(size.rawValue), "hash": .text(root.hex)]
    }
}

extension RoundReport {
    /// What a command ends with after this round; nil if all is well.
    var failure: (any Error)? {
        let first = findings.first { $0.verdict == verdict }
        switch verdict {
        case .consistent:
            return fileFailure.map { ToolError($0) }
        case .tampered, .rolledBack, .forked, .replaced, .unsigned, .withheld:
            return AuditFailure(
                verdict: verdict, message: first?.message ?? "", exitCode: .verificationFailed)
        case .unreachable:
            return AuditFailure(
                verdict: verdict, message: first?.message ?? "", exitCode: .unreachable)
        case .failed:
            return AuditFailure(verdict: verdict, message: first?.message ?? "", exitCode: .failed)
        }
    }
}

/// A round in which not all was well.
struct AuditFailure: ExplainableError {
    let verdict: Verdict
    let message: String
    let exitCode: ExitCode

    var failure: Failure {
        let words = String(decoding: TerminalText.escapedLine(message), as: UTF8.self)
        let text =
            verdict.isAlarm
            ? "AUDIT FAILED, \(verdict.rawValue): do not trust this server. \(words)"
            : "the audit could not be finished, \(verdict.rawValue): \(words)"
        return Failure(
            code: verdict.isAlarm ? "VerificationFailed" : "AuditNotFinished", message: message,
            text: text, check: verdict.rawValue, exitCode: exitCode)
    }
}

/// An auditor that cannot work, or whose files are not what it wrote.
struct AuditorFailure: ExplainableError {
    let cause: AuditorError

    var failure: Failure {
        let message = cause.description
        return switch cause.code {
        case .files: ToolError(message).failure
        case .logChanged: Self.failure("log changed", "logChanged", message)
        case .rootChanged: Self.failure("root changed", "rootChanged", message)
        }
    }

    private static func failure(_ what: String, _ check: String, _ message: String) -> Failure {
        Failure(
            code: "VerificationFailed", message: message,
            text: "AUDIT FAILED, \(what): \(message)", check: check,
            exitCode: .verificationFailed)
    }
}

/// Whether an auditor runs, and what it found.
struct AuditStatus: Sendable {
    /// nil: none runs.
    let process: Int32?
    /// nil: none has ever run in this folder.
    let record: AuditRecord?
}

struct AuditStatusReport: Report {
    let status: AuditStatus

    func text(_ display: Display) -> [UInt8] {
        var lines = [
            status.process.map { "auditor:\t\truns, process \($0)" } ?? "auditor:\t\tdoes not run"
        ]
        if let record = status.record {
            lines += [
                "verdict:\t\(record.verdict?.rawValue ?? "none yet")",
                "last round:\t\(record.lastRound?.formatted(.iso8601) ?? "none yet")",
                "pass:\t\tentry \(record.passPosition) since \(record.passStart.formatted(.iso8601))",
                "suspects:\t\(record.suspectCount)",
                "refusals:\tin the last \(record.refusedRoundCount) rounds",
                "log:\t\t\(record.lineCount) lines, whole and signed by \(record.publicKey)",
            ]
            if let root = record.lastRoot { lines.append("root:\t\t\(root.text)") }
        }
        return display.shown(Array((lines.joined(separator: "\n") + "\n").utf8))
    }

    var json: JSONObject {
        var object: JSONObject = ["running": .truth(status.process != nil)]
        object["process"] = status.process.map { .number(UInt64($0)) }
        guard let record = status.record else { return object }
        object["verdict"] = record.verdict.map { .text($0.rawValue) }
        object["lastRound"] = record.lastRound.map { .text($0.formatted(.iso8601)) }
        object["passPosition"] = .number(record.passPosition)
        object["passStart"] = .text(record.passStart.formatted(.iso8601))
        object["suspects"] = .number(UInt64(record.suspectCount))
        object["refusedRounds"] = .number(record.refusedRoundCount)
        object["logLines"] = .number(record.lineCount)
        object["logKey"] = .text(record.publicKey)
        object["root"] = record.lastRoot.map { .text($0.text) }
        return object
    }
}
