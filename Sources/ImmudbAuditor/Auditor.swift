import Foundation
import ImmudbClient
public import Logging
public import PrometheusMetrics
import StorageIO
import Synchronization

/// An auditor of one server: it keeps a root of its own, checks in each round that the server's tree continues it, reads
/// entries, each verified against that root, and tells what it found: to a log that it signs, to metrics, by POST, and to
/// other auditors, with which it compares roots.
///
/// Nothing that the server says is believed, and nothing is changed on it.
public actor Auditor {
    public nonisolated let options: AuditorOptions
    /// The public key with which the log is signed, in hexadecimal digits.
    public nonisolated let publicKey: String
    private nonisolated let log: Logger
    private nonisolated let metrics = AuditMetrics()
    private nonisolated let web = WebCalls()
    /// What other auditors are told: what held last, also while there is an alarm, and after a new start.
    private nonisolated let served: Mutex<LoggedRoots>
    private var state: AuditState
    private let files: AuditorFiles

    /// Opens the auditor's folder, which is made if it is missing, and checks the whole log in it.
    ///
    /// - Throws: `AuditorError`: with code `.logChanged` if the log is not what the auditor wrote, `.rootChanged` if the
    ///   trusted root is not the one in the log.
    public static func open(_ options: AuditorOptions, log: Logger) async throws -> Auditor {
        let files = try await blocking { try AuditorFiles(options.directory) }
        let roots = FileTrustedRootStore(directory: options.directory)
        for entry in files.loggedRoots.entries {
            // A file that cannot be read is told by each round.
            let kept = try? await roots.trustedRoot(of: entry.server)
            do {
                try OwnRoot.requireAgreement(
                    of: kept, with: files.loggedRoots.root(of: entry.server), of: entry.server)
            } catch {
                files.close()
                throw error
            }
        }
        return Auditor(options, files, log: log)
    }

    private init(_ options: AuditorOptions, _ files: AuditorFiles, log: Logger) {
        self.options = options
        self.files = files
        self.log = log
        state = files.startState
        publicKey = files.key.publicText
        served = Mutex(files.loggedRoots)
    }

    /// The metrics of all rounds.
    public nonisolated var registry: PrometheusRegistry { metrics.registry }

    /// The answer to `GET /roots`.
    public nonisolated var rootsAnswer: [UInt8] {
        RootsDocument(
            auditor: publicKey,
            roots: served.withLock { $0.entries }.map {
                RootsDocument.Root($0.signed, of: $0.server)
            }
        ).encoded
    }

    /// Makes rounds until the task is cancelled.
    public func run() async {
        while !Task.isCancelled {
            let next = ContinuousClock.now + options.interval
            await round()
            try? await Task.sleep(until: next, clock: .continuous)
        }
    }

    /// Makes one round, and tells what it came to.
    ///
    /// - Returns: nil if the task was cancelled meanwhile.
    @discardableResult
    public func round() async -> RoundReport? {
        // A number in a file may be any.
        state.roundCount &+= 1
        let now = Date()
        log.info("audit #\(state.roundCount) started @ \(now.formatted(.iso8601))")
        // A pass that is to be whole in each round has the time that it takes.
        let readingTime = options.period == .zero ? Duration.seconds(1 << 31) : options.interval
        var round = AuditRound(
            options, PeerSources(http: web), state, startedAt: now,
            readingEnd: .now + readingTime, logged: files.loggedRoots)
        await round.run()
        guard !Task.isCancelled else { return nil }
        var report = round.report
        state = round.state
        for finding in report.findings where finding.verdict == .tampered || finding.refusal != nil
        {
            guard let index = finding.index ?? finding.refusal?.index,
                state.suspects.count < AuditState.suspectLimit
            else { continue }
            state.suspects.insert(index.rawValue)
        }
        state.lastVerdict = report.verdict
        state.lastRound = now
        tell(report)
        report.fileFailure = await keep(report)
        // Last, since the receiver may be slow.
        await notify(report)
        return report
    }

    /// Frees what the auditor holds. Call it once, when no round runs any more.
    public func close() async {
        await web.close()
        files.close()
    }

    // MARK: reports

    private func tell(_ report: RoundReport) {
        // First, since the alarm matters more than the auditor's own files.
        if report.verdict.isAlarm {
            log.error("\(report.resultLine)")
        } else {
            log.info("\(report.resultLine)")
        }
        for finding in report.findings {
            log.error(
                "audit #\(report.number) \(finding.verdict.rawValue): \(finding.message)")
        }
        for warning in report.warnings { log.warning("\(warning)") }
        metrics.record(report, state)
        if report.verdict == .consistent, let server = report.server, let current = report.current {
            served.withLock {
                $0.add(LoggedRoots.Entry(server: server, address: report.address, signed: current))
            }
        }
    }

    private func notify(_ report: RoundReport) async {
        guard let notification = options.notification,
            ![.unreachable, .failed].contains(report.verdict)
        else { return }
        do {
            let message = NotificationMessage(options: notification, report: report)
            try await web.post(Array(message.text.utf8), to: notification.url)
        } catch {
            metrics.countNotificationFailure()
            log.error(
                "the result could not be sent to \(WebCalls.shown(notification.url)): \(error)")
        }
    }

    /// - Returns: why the files could not be written; nil if they were.
    private func keep(_ report: RoundReport) async -> String? {
        do {
            state = try await blocking { [files, state] in try files.keep(report, state) }
            return nil
        } catch {
            metrics.countLogFailure()
            log.error("\(error)")
            return "\(error)"
        }
    }
}
