import Foundation
import ImmudbClient

/// One round: connects, checks that the server's tree continues the trusted one, reads entries, and compares roots with
/// other auditors.
struct AuditRound: Sendable {
    let options: AuditorOptions
    let peers: PeerSources
    /// What the log says of the rounds before.
    let logged: LoggedRoots
    /// When the reading has to end, so that the next round is not late.
    let readingEnd: ContinuousClock.Instant
    /// The suspects of the rounds before.
    let knownSuspects: Set<UInt64>
    var report: RoundReport
    var state: AuditState
    /// Whether all that was due and all suspects were looked at, and the server has answered each call.
    private(set) var hasReadAll = false

    init(
        _ options: AuditorOptions, _ peers: PeerSources, _ state: AuditState, startedAt: Date,
        readingEnd: ContinuousClock.Instant, logged: LoggedRoots = LoggedRoots()
    ) {
        self.options = options
        self.peers = peers
        self.state = state
        self.logged = logged
        self.readingEnd = readingEnd
        knownSuspects = state.suspects
        report = RoundReport(
            number: state.roundCount, startedAt: startedAt, address: "")
    }

    var roots: FileTrustedRootStore { FileTrustedRootStore(directory: options.directory) }

    mutating func run() async {
        do {
            let address = try ServerAddress(
                options.connection.host, port: options.connection.port)
            report.address = address.description
            // Named also if the server does not answer, or another one does.
            if let known = try await knownServer() { try await useRoot(of: known) }
            let client = try await ImmudbClient.connect(
                options.connection, trustedRoots: roots,
                firstContact: options.trustsOnFirstUse ? .trustOnFirstUse : .refuse,
                expecting: options.server)
            await run(client)
            await judgeRefusals(client)
            await client.close()
        } catch {
            // Who answers there may be no immudb at all: nothing is counted as its refusal.
            add(error, isOfServer: false)
        }
    }

    private mutating func run(_ client: ImmudbClient) async {
        let loginRefusal: ClientError?
        do {
            loginRefusal = try await login(client)
        } catch {
            return add(error, isOfServer: false)
        }
        do {
            try await look(client)
        } catch {
            add(error)
        }
        if let loginRefusal { report(loginRefusal) }
    }

    private mutating func look(_ client: ImmudbClient) async throws {
        let unproven = try await useRoot(of: client.identity)
        let (shown, failure) = try await client.checkedCurrentRoot()
        report.current = shown
        // One that is no signature of P-256 would fill the log.
        if let signature = shown.signature,
            signature.signature.count + signature.publicKey.count > 1_024
        {
            report.current?.signature = nil
        }
        if let failure { throw failure }
        // Signed again if a key is pinned: that costs a call, and nothing on the server's side.
        let trusted = try await client.verifyContinuation()
        if trusted.size == shown.root.size, trusted != shown.root {
            throw VerificationError(
                .consistencyFailed, "the server showed two different trees of the same size",
                trustedRoot: trusted.root, trustedSize: trusted.size,
                newRoot: shown.root.root, newSize: shown.root.size)
        }
        // The root that counts, in the log and for other auditors, is the one that was shown at first.
        if !shown.root.size.isEmpty { try await client.verifyShownRoot(shown.root) }
        if let unproven { try await prove(unproven, client) }
        if report.previous == nil, !trusted.size.isEmpty {
            report.warnings.append(
                "first contact with the server \(client.identity): from now on it is held to the \(trusted). Compare "
                    + "it with what others see")
        }
        await readEntries(of: trusted, client)
        if !report.verdict.isAlarm { await compareWithPeers(client) }
    }

    // MARK: login

    /// - Returns: why the server has refused it; nil if it has not, or none is wanted.
    /// - Throws: if the server has not answered.
    private func login(_ client: ImmudbClient) async throws -> ClientError? {
        guard !options.username.isEmpty else { return nil }
        do {
            try await client.login(user: options.username, password: options.password)
            return nil
        } catch {
            guard error.isAnswer || error.isRefusal else { throw error }
            // A server without users shows everything to everybody.
            return error
        }
    }

    /// Says that the login was refused: if the round has failed, that is why; else it is a warning.
    private mutating func report(_ refusal: ClientError) {
        let text = "the login of the user \(options.username) was refused: \(refusal)"
        if report.findings.contains(where: { $0.verdict == .failed }) {
            report.findings.insert(Finding(.failed, text), at: 0)
        } else {
            report.warnings.append("\(text). What the server shows without a login was checked")
        }
    }

    // MARK: entries

    private mutating func readEntries(of trusted: TrustedRoot, _ client: ImmudbClient) async {
        let size = trusted.size.rawValue
        var reader = EntryReader(client)
        let hasReadSuspects = await readSuspects(size, &reader)
        var drawn: Set<UInt64> = []
        while drawn.count < options.sampleCount, drawn.count < size, mayRead(reader) {
            let index = UInt64.random(in: 0..<size)
            guard drawn.insert(index).inserted else { continue }
            await reader.read(EntryIndex(index))
        }
        let period = options.period / .seconds(1)
        let due = state.plan.due(at: report.startedAt, of: size, period: period)
        // The first subtree of a round is read whatever the time is: else one of a slow server would never be.
        var isFirst = true
        while state.plan.position < due, mayRead(reader, whateverTheTime: isFirst) {
            isFirst = false
            let subtree = Subtree(from: state.plan.position, before: size)
            await reader.read(subtree)
            // What was found is looked at again in each round; the pass goes on.
            if !reader.isOver { state.plan.advance(to: subtree.end) }
        }
        if !reader.isOver {
            state.plan.finish(at: report.startedAt, of: size, period: period)
        }
        hasReadAll = hasReadSuspects && !reader.isOver && !Task.isCancelled
        report.entryCount = reader.entryCount
        report.byteCount = reader.byteCount
        report.findings += reader.findings.reduce(into: []) { findings, finding in
            // A suspect may be found a second time.
            if !findings.contains(where: { $0.index != nil && $0.index == finding.index }) {
                findings.append(finding)
            }
        }
    }

    private func mayRead(_ reader: EntryReader, whateverTheTime: Bool = false) -> Bool {
        !reader.isOver && !Task.isCancelled
            && (whateverTheTime || ContinuousClock.now < readingEnd)
    }

    /// - Returns: whether all of them were looked at.
    private mutating func readSuspects(_ size: UInt64, _ reader: inout EntryReader) async -> Bool {
        for index in state.suspects.sorted() where index < size {
            guard mayRead(reader) else { return false }
            if await reader.read(EntryIndex(index)) {
                state.suspects.remove(index)
                report.warnings.append("entry \(index), which did not verify, does so now")
            }
        }
        return true
    }

    // MARK: findings

    /// - Parameter isOfServer: whether a refusal is one of the server that is audited, and counts.
    mutating func add(_ error: any Error, isOfServer: Bool = true) {
        let finding = Finding(error, showing: isOfServer ? .tree : nil)
        // A stop is no finding.
        if Task.isCancelled, error is CancellationError || finding.verdict == .failed { return }
        report.findings.append(finding)
    }
}
