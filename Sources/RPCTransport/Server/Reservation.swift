import NIOCore
import Synchronization

/// Bytes that are reserved for something that the server holds for a client, during the lifetime of
/// this value.
///
/// The bytes can neither be released by hand nor be forgotten: they are released when the value goes out of scope, is
/// replaced, or the object that holds it is freed, on any thread.
struct Reservation: ~Copyable, Sendable {
    private let account: ConnectionAccount
    private let pool: Pool
    private(set) var byteCount: Int

    /// The purpose of the bytes. The pools are separate, so that requests never wait for room that answers hold: an
    /// answer needs a request, so each could wait for the other forever.
    enum Pool: Sendable {
        /// Header fields, bodies, and their decoded messages.
        case requests
        /// Answers that are being made, and answers that are not read.
        case answers
    }

    /// Makes an empty reservation.
    init(_ pool: Pool, of account: ConnectionAccount) {
        self.pool = pool
        self.account = account
        byteCount = 0
    }

    /// Makes a reservation of bytes that the account has already counted.
    fileprivate init(counted byteCount: Int, _ pool: Pool, of account: ConnectionAccount) {
        self.pool = pool
        self.account = account
        self.byteCount = byteCount
    }

    deinit { account.change(pool, by: -byteCount) }

    /// Sets the number of bytes regardless of limits, for bytes that exist already.
    mutating func set(to newByteCount: Int) {
        guard newByteCount != byteCount else { return }
        account.change(pool, by: newByteCount - byteCount)
        byteCount = newByteCount
    }

    /// Adds bytes of a request. Returns false, and changes nothing, if the rules of `Admission` forbid it.
    mutating func growRequest(by more: Int) -> Bool {
        guard account.takeRequestRoom(growingFrom: byteCount, by: more) else { return false }
        byteCount += more
        return true
    }

    /// Takes over the bytes of another reservation of the same account.
    mutating func absorb(_ other: consuming Reservation) {
        byteCount += other.byteCount
        other.byteCount = 0
    }
}

/// The bytes that the server holds for all of its clients.
///
/// Connections take small amounts from here in chunks, so that the usual call touches no memory that other threads
/// write.
final class ServerAccount: Sendable {
    let admission: Admission
    private let requests = Atomic<Int>(0)
    private let answers = Atomic<Int>(0)
    private let shares: Atomic<Int>
    private let connections = Atomic<Int>(0)
    /// The time at which something was last refused room, in nanoseconds of `NIODeadline`.
    private let lastRequestDenial = Atomic<UInt64>(0)
    private let lastAnswerDenial = Atomic<UInt64>(0)

    init(_ admission: Admission) {
        self.admission = admission
        shares = Atomic(admission.answerShare(among: 1))
    }

    var requestByteCount: Int { requests.load(ordering: .relaxed) }
    var answerByteCount: Int { answers.load(ordering: .relaxed) }
    var connectionCount: Int { connections.load(ordering: .relaxed) }
    /// The number of bytes that a connection may have unread while answers are short of room.
    var answerShare: Int { shares.load(ordering: .relaxed) }

    func setConnectionCount(_ count: Int) {
        connections.store(count, ordering: .relaxed)
        shares.store(admission.answerShare(among: count), ordering: .relaxed)
    }

    /// The number of bytes that a connection may hold for requests while room for them is short.
    var requestShare: Int { admission.requestShare(among: connectionCount) }

    var isPressedByAnswers: Bool { answerByteCount > admission.answerPressure }
    var isPressedByRequests: Bool { requestByteCount > admission.requestPressure }

    func hasDeniedAnswer(since time: NIODeadline) -> Bool {
        lastAnswerDenial.load(ordering: .relaxed) > time.uptimeNanoseconds
    }

    func hasDeniedRequest(since time: NIODeadline) -> Bool {
        lastRequestDenial.load(ordering: .relaxed) > time.uptimeNanoseconds
    }

    // MARK: for `ConnectionAccount`

    fileprivate func changeAnswers(by byteCount: Int) {
        answers.add(byteCount, ordering: .relaxed)
    }

    fileprivate func changeRequests(by byteCount: Int) {
        requests.add(byteCount, ordering: .relaxed)
    }

    /// Takes a chunk for requests if that leaves `spared` bytes free.
    fileprivate func takeRequestChunk(_ byteCount: Int, sparing spared: Int) -> Bool {
        let before = requests.add(byteCount, ordering: .relaxed).oldValue
        if before + byteCount <= admission.requestLimit - spared { return true }
        requests.subtract(byteCount, ordering: .relaxed)
        lastRequestDenial.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
        return false
    }

    fileprivate func noteRequestDenial() {
        lastRequestDenial.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
    }

    /// Takes room for an answer. An answer that is larger than the whole pool gets it when the pool is empty.
    fileprivate func takeAnswer(_ byteCount: Int, isReader: Bool) -> Bool {
        let before = answers.add(byteCount, ordering: .relaxed).oldValue
        if before <= 0 || before + byteCount <= admission.answerRoom(isReader: isReader) {
            return true
        }
        answers.subtract(byteCount, ordering: .relaxed)
        lastAnswerDenial.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
        return false
    }
}

/// The bytes that the server holds for one connection. Reservations draw on it, from any thread.
final class ConnectionAccount: Sendable {
    private let server: ServerAccount
    private let answers = Atomic<Int>(0)
    private let requests = Atomic<Int>(0)
    /// Bytes that were taken from the server's account for requests; at least as many as are held.
    private let granted = Mutex<Int>(0)
    private let grantedHint = Atomic<Int>(0)
    private let hasRead = Atomic<Bool>(false)

    init(_ server: ServerAccount) { self.server = server }

    deinit { server.changeRequests(by: -granted.withLock { $0 }) }

    /// Bytes of requests that the connection holds.
    var requestByteCount: Int { requests.load(ordering: .relaxed) }
    /// Bytes of answers that the connection holds.
    var answerByteCount: Int { answers.load(ordering: .relaxed) }

    fileprivate func change(_ pool: Reservation.Pool, by byteCount: Int) {
        guard byteCount != 0 else { return }
        switch pool {
        case .answers:
            answers.add(byteCount, ordering: .relaxed)
            server.changeAnswers(by: byteCount)
        case .requests:
            let held = requests.add(byteCount, ordering: .relaxed).newValue
            let spare = grantedHint.load(ordering: .relaxed) - held
            // A shrinking reservation may see bytes that another thread has added and is about to ask room for.
            let isDue = byteCount > 0 ? spare < 0 : spare > 2 * Admission.chunkByteCount
            if isDue { settle() }
        }
    }

    /// Adjusts the granted bytes to the held ones.
    private func settle() {
        granted.withLock { granted in
            let held = requests.load(ordering: .relaxed)
            let wanted = held + Admission.chunkByteCount / 2
            guard granted < held || granted - held > 2 * Admission.chunkByteCount else { return }
            server.changeRequests(by: wanted - granted)
            granted = wanted
            grantedHint.store(granted, ordering: .relaxed)
        }
    }

    /// Releases granted bytes that are not held, for an idle connection.
    func settleAtRest() {
        guard grantedHint.load(ordering: .relaxed) > 0, requestByteCount == 0 else { return }
        granted.withLock { granted in
            guard requests.load(ordering: .relaxed) == 0 else { return }
            server.changeRequests(by: -granted)
            granted = 0
            grantedHint.store(0, ordering: .relaxed)
        }
    }

    // MARK: requests

    fileprivate func takeRequestRoom(growingFrom before: Int, by more: Int) -> Bool {
        let held = requests.add(more, ordering: .relaxed).newValue
        if held <= grantedHint.load(ordering: .relaxed), held <= Admission.chunkByteCount {
            return true
        }
        if server.admission.isWithinShare(
            held, of: before + more, isPressed: server.isPressedByRequests,
            connectionCount: server.connectionCount), grant(held, requestByteCount: before + more)
        {
            return true
        }
        server.noteRequestDenial()
        change(.requests, by: -more)
        return false
    }

    /// Makes sure that `held` bytes are granted; takes a chunk from the server's account if not.
    private func grant(_ held: Int, requestByteCount: Int) -> Bool {
        granted.withLock { granted in
            guard granted < held else { return true }
            let chunk = held - granted + Admission.chunkByteCount / 2
            let spared = server.admission.spared(
                forRequestOf: requestByteCount, whenHolding: held)
            guard server.takeRequestChunk(chunk, sparing: spared) else { return false }
            granted += chunk
            grantedHint.store(granted, ordering: .relaxed)
            return true
        }
    }

    // MARK: answers

    /// Whether another answer may be started: not while the client has too much to read.
    var mayGoOn: Bool {
        let own = answerByteCount
        return own <= Admission.leastAnswerShare || own <= currentAnswerLimit
    }

    /// The largest number of unread bytes with which another answer may be started.
    var currentAnswerLimit: Int {
        let limit = server.admission.unreadLimit
        return server.isPressedByAnswers ? min(limit, server.answerShare) : limit
    }

    /// Notes that part of an answer was sent.
    func markReader() {
        if !hasRead.load(ordering: .relaxed) { hasRead.store(true, ordering: .relaxed) }
    }

    /// Takes room for an answer before it is made; returns nil if there is no room now.
    func reserveAnswer(_ byteCount: Int) -> Reservation? {
        guard mayGoOn, server.takeAnswer(byteCount, isReader: hasRead.load(ordering: .relaxed))
        else { return nil }
        answers.add(byteCount, ordering: .relaxed)
        return Reservation(counted: byteCount, .answers, of: self)
    }

    /// Takes room for an answer that was made without a reservation; returns nil if the answer has to be dropped.
    func admitAnswer(_ byteCount: Int) -> Reservation? {
        if answerByteCount + byteCount <= server.answerShare {
            change(.answers, by: byteCount)
        } else if server.takeAnswer(byteCount, isReader: hasRead.load(ordering: .relaxed)) {
            answers.add(byteCount, ordering: .relaxed)
        } else {
            return nil
        }
        return Reservation(counted: byteCount, .answers, of: self)
    }
}
