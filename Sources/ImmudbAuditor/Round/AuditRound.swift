import Foundation
import ImmudbClient

/// One round: connects, checks that the server's tree continues the trusted one, reads entries, and compares roots with
/// other auditors.
struct AuditRound: Sendable {
    let options: AuditorOptions
    let peers: PeerSources
    /// When the reading has to end, so that the next round is not late.
    let readingEnd: ContinuousClock.Instant
    private(set) var report: RoundReport
    private(set) var state: AuditState

    init(
        _ options: AuditorOptions, _ peers: PeerSources, _ state: AuditState, startedAt: Date,
        readingEnd: ContinuousClock.Instant
    ) {
        self.options = options
        self.peers = peers
        self.state = state
        self.readingEnd = readingEnd
        report = RoundReport(
            number: state.roundCount, startedAt: startedAt, address: "")
    }

    private var roots: FileTrustedRootStore {
        FileTrustedRootStore(directory: options.directory)
    }

    mutating func run() async {
        do {
            let address = try ServerAddress(
                options.connection.host, port: options.connection.port)
            report.address = address.description
            // Named also if the server does not answer, or another one does.
            if let known = try await roots.server(at: report.address) {
                report.server = known
                report.previous = try await roots.trustedRoot(of: known)
            }
            let client = try await ImmudbClient.connect(
                options.connection, trustedRoots: roots,
                firstContact: options.trustsOnFirstUse ? .trustOnFirstUse : .refuse,
                expecting: options.server)
            await run(client)
            await client.close()
        } catch {
            add(error)
        }
    }

    private mutating func run(_ client: ImmudbClient) async {
        do {
            report.server = client.identity
            report.previous = try await roots.trustedRoot(of: client.identity)
            if !options.username.isEmpty {
                try await client.login(user: options.username, password: options.password)
            }
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
            if report.previous == nil, !trusted.size.isEmpty {
                report.warnings.append(
                    "first contact with the server \(client.identity): from now on it is held to the \(trusted). Compare "
                        + "it with what others see")
            }
            await readEntries(of: trusted, client)
            if !report.verdict.isAlarm { await compareWithPeers(client) }
        } catch {
            add(error)
        }
    }

    // MARK: entries

    private mutating func readEntries(of trusted: TrustedRoot, _ client: ImmudbClient) async {
        let size = trusted.size.rawValue
        var reader = EntryReader(client)
        await readSuspects(size, &reader)
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

    private mutating func readSuspects(_ size: UInt64, _ reader: inout EntryReader) async {
        for index in state.suspects.sorted() where index < size && mayRead(reader) {
            if await reader.read(EntryIndex(index)) {
                state.suspects.remove(index)
                report.warnings.append("entry \(index), which did not verify, does so now")
            }
        }
    }

    // MARK: peers

    private mutating func compareWithPeers(_ client: ImmudbClient) async {
        for peer in options.peers {
            let roots: [PeerRoot]
            do {
                roots = try await peers.roots(of: peer)
            } catch {
                report.warnings.append(
                    "the auditor \(WebCalls.shown(peer)) cannot be asked: \(error)")
                continue
            }
            for root in roots where root.server == client.identity && !root.signed.root.size.isEmpty
            {
                await compare(root, of: WebCalls.shown(peer), client)
            }
        }
    }

    private mutating func compare(_ peer: PeerRoot, of name: String, _ client: ImmudbClient) async {
        let root = peer.signed.root
        if let key = options.connection.signingKey {
            do {
                try key.verify(peer.signed)
            } catch {
                report.warnings.append(
                    "the auditor \(name) has a root that the server has not signed: \(error)")
                return
            }
        }
        do {
            try await client.verifyHistory(of: root)
        } catch let error as VerificationError where error.code == .receiptRefuted {
            let now = (try? await client.trustedRoot()) ?? .empty
            let isBehind = root.size > now.size
            report.findings.append(
                Finding(
                    isBehind ? .rolledBack : .forked,
                    "the auditor \(name) was shown the \(root), and the server does not have it in its history: "
                        + (isBehind
                            ? "it has only \(now.size) entries here"
                            : "it shows two histories")
                        + (options.connection.signingKey == nil
                            ? "" : ", although it has signed that root")
                        + (error.evidenceFile.map { ", evidence in \($0)" } ?? ""),
                    evidenceFile: error.evidenceFile))
        } catch {
            add(error)
        }
    }

    // MARK: findings

    private mutating func add(_ error: any Error) {
        // A stop is no finding.
        if Task.isCancelled, error is CancellationError || Finding(error).verdict == .failed {
            return
        }
        report.findings.append(Finding(error))
    }
}
