import CoreMetrics
import Foundation
import ImmudbClient
import PrometheusMetrics
import Synchronization

/// The metrics of an auditor: the original's four gauges, and more.
final class AuditMetrics: Sendable {
    private enum Name: String, CaseIterable {
        case result = "immuclient_audit_result_per_server"
        case currentRoot = "immuclient_audit_curr_root_per_server"
        case previousRoot = "immuclient_audit_prev_root_per_server"
        case runAt = "immuclient_audit_run_at_per_server"
        case verdict = "immuclient_audit_verdict"
        case entries = "immuclient_audit_entries_read_total"
        case bytes = "immuclient_audit_bytes_read_total"
        case rounds = "immuclient_audit_rounds_total"
        case passAge = "immuclient_audit_pass_age_seconds"
        case passPosition = "immuclient_audit_pass_position"
        case suspects = "immuclient_audit_suspects"
        case refusedRounds = "immuclient_audit_refused_rounds"
        case warnings = "immuclient_audit_warnings_total"
        case skippedPeers = "immuclient_audit_peers_not_compared_total"
        case notificationFailures = "immuclient_audit_notification_failures_total"
        case logFailures = "immuclient_audit_log_failures_total"

        var help: String {
            switch self {
            case .result:
                "1: consistent, 0: tampered, -1: not checked yet, -2: no answer or a failure"
            case .currentRoot: "Last index of the tree that the server shows"
            case .previousRoot: "Last index of the tree that was trusted before"
            case .runAt:
                "When the last round that looked at the server began, in seconds since 1970"
            case .verdict: "1 for what the auditor says of the server, 0 for all else"
            case .entries: "Entries that were read and verified"
            case .bytes: "Bytes of their keys and values"
            case .rounds: "Rounds that ended"
            case .passAge: "How long ago the pass over all entries began"
            case .passPosition: "Entries that this pass has read"
            case .suspects: "Entries that did not verify"
            case .refusedRounds:
                "Rounds in a row, up to now, in which the server has refused to show something"
            case .warnings: "Warnings, such as of other auditors that cannot be asked"
            case .skippedPeers:
                "Other auditors that could not be compared with: out of reach, of another server, or without a root"
            case .notificationFailures: "Results that could not be delivered"
            case .logFailures: "Lines that could not be added to the log of roots"
            }
        }

        var isCounter: Bool { rawValue.hasSuffix("_total") }
        /// Whether its series have the server's labels.
        var isOfServer: Bool { rawValue.hasSuffix("_per_server") }
    }

    let registry = PrometheusRegistry(
        Name.allCases.map {
            MetricDescription($0.rawValue, $0.isCounter ? .counter : .gauge, $0.help)
        })

    /// The labels of the last round.
    private let labels = Mutex<[(String, String)]>([])

    func record(_ report: RoundReport, _ state: AuditState) {
        // The identity is not known before the server has answered once.
        let labels = [
            ("server_id", report.server?.text ?? ""), ("server_address", report.address),
        ]
        let old = self.labels.withLock { known in
            defer { known = labels }
            return known
        }
        // Behind the new series, so that no scrape finds neither.
        defer {
            if !old.isEmpty, !old.elementsEqual(labels, by: ==) { drop(old) }
        }
        func set(_ name: Name, _ value: Double, _ labels: [(String, String)]) {
            Gauge(label: name.rawValue, dimensions: labels, factory: registry).record(value)
        }
        set(.result, Self.result(report), labels)
        if let last = report.current?.root.size.lastIndex {
            set(.currentRoot, Double(last.rawValue), labels)
        }
        if let last = report.previous?.size.lastIndex {
            set(.previousRoot, Double(last.rawValue), labels)
        }
        if ![.unreachable, .failed].contains(report.verdict) {
            set(.runAt, report.startedAt.timeIntervalSince1970.rounded(.down), labels)
        }
        for verdict in Verdict.allCases {
            set(
                .verdict, verdict == report.verdict ? 1 : 0,
                labels + [("verdict", verdict.rawValue)])
        }
        set(.passAge, state.plan.age(at: report.startedAt).rounded(), [])
        set(.passPosition, Double(state.plan.position), [])
        set(.suspects, Double(state.suspects.count), [])
        set(.refusedRounds, Double(state.refusedRoundCount ?? 0), [])
        count(.entries, report.entryCount)
        count(.bytes, report.byteCount)
        count(.rounds, 1)
        count(.warnings, UInt64(report.warnings.count))
        count(.skippedPeers, UInt64(report.skippedPeerCount))
    }

    /// Ends the series of a server.
    private func drop(_ labels: [(String, String)]) {
        func end(_ name: Name, _ labels: [(String, String)]) {
            Gauge(label: name.rawValue, dimensions: labels, factory: registry).destroy()
        }
        for name in Name.allCases where name.isOfServer { end(name, labels) }
        for verdict in Verdict.allCases { end(.verdict, labels + [("verdict", verdict.rawValue)]) }
    }

    // A counter that begins with its first failure has no increase then.
    init() {
        for name in [Name.notificationFailures, .logFailures] { count(name, 0) }
    }

    func countNotificationFailure() { count(.notificationFailures, 1) }
    func countLogFailure() { count(.logFailures, 1) }

    private func count(_ name: Name, _ number: UInt64) {
        Counter(label: name.rawValue, dimensions: [], factory: registry)
            .increment(by: Int64(clamping: number))
    }

    /// The numbers of the original.
    private static func result(_ report: RoundReport) -> Double {
        switch report.verdict {
        case .unreachable, .failed: -2
        case .consistent: report.previous == nil ? -1 : 1
        case .tampered, .rolledBack, .forked, .replaced, .unsigned, .withheld: 0
        }
    }
}
