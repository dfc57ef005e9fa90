import NIOCore
import Synchronization

/// The bytes of answers that a server holds because nobody has read them yet, over all of its
/// connections: large answers from when they are being made, others from when they could not be
/// sent at once.
///
/// An answer that leaves as soon as it is made costs nothing here: small answers of clients that
/// read are never counted, so that the usual call touches no memory that other threads write.
///
/// How much can be held at most, with the values of `RPCServer.Configuration`:
/// - `maxHeldAnswerByteCount`, and no large answer beyond it;
/// - small answers beside it: `share` for each connection, 64 MiB for 1,000 to 8,000 of them, and
///   what is made of the requests that wait for a worker, below 4 KiB each, before it is noticed
///   that it stays: 16,384 × 4 KiB = 64 MiB;
/// - on each worker thread the answer that is being made without a reservation, up to the largest
///   message: what is then too much is dropped where it was made.
final class AnswerBudget: Sendable {
    /// Smaller answers are counted only when they stay.
    static let largeByteCount = 4 << 10
    /// Every connection may have that much unread.
    static let leastShare = 8 << 10

    let limit: Int
    private let mostShare: Int
    private let currentShare: Atomic<Int>
    private let held = Atomic<Int>(0)
    /// When something was refused room last, in nanoseconds of `NIODeadline`.
    private let lastDenial = Atomic<UInt64>(0)

    init(_ configuration: RPCServer.Configuration) {
        limit = max(1, configuration.maxHeldAnswerByteCount)
        mostShare = max(Self.leastShare, configuration.pressedAnswerByteCount)
        currentShare = Atomic(mostShare)
    }

    /// What a connection may have unread while the budget is pressed: an equal part of a quarter
    /// of it, within bounds.
    var share: Int { currentShare.load(ordering: .relaxed) }

    func divide(among connectionCount: Int) {
        let part = limit / 4 / max(1, connectionCount)
        currentShare.store(min(mostShare, max(Self.leastShare, part)), ordering: .relaxed)
    }

    var heldByteCount: Int { held.load(ordering: .relaxed) }

    /// A quarter of it is taken: who has unread answers gets no more, and who does not read has to
    /// go.
    var isPressed: Bool { heldByteCount > pressure }
    var pressure: Int { limit / 4 }

    func add(_ byteCount: Int) { held.add(byteCount, ordering: .relaxed) }

    /// Whether large answers had to wait within the last seconds, because others are not read.
    func hasDenied(since time: NIODeadline) -> Bool {
        lastDenial.load(ordering: .relaxed) > time.uptimeNanoseconds
    }

    /// Takes room for an answer. One that is larger than all room there is gets it alone.
    /// - Parameter isReader: of a connection that has read answers: the second half of the room is
    ///   for those, so that connections that never read cannot take it all.
    func reserve(_ byteCount: Int, isReader: Bool) -> Bool {
        let before = held.add(byteCount, ordering: .relaxed).oldValue
        if before <= 0 || before + byteCount <= room(isReader: isReader) { return true }
        held.subtract(byteCount, ordering: .relaxed)
        deny()
        return false
    }

    /// Whether an answer that is counted already, made without a reservation, has to be dropped.
    func mustDrop(_ byteCount: Int, isReader: Bool) -> Bool {
        let all = heldByteCount
        guard all > room(isReader: isReader), all > byteCount else { return false }
        deny()
        return true
    }

    private func room(isReader: Bool) -> Int { isReader ? limit : limit / 2 }

    private func deny() {
        lastDenial.store(NIODeadline.now().uptimeNanoseconds, ordering: .relaxed)
    }
}

/// One connection's part of the budget. Worker threads look at it before they begin an answer.
final class AnswerAccount: Sendable {
    private let budget: AnswerBudget
    private let limit: Int
    private let held = Atomic<Int>(0)
    private let hasRead = Atomic<Bool>(false)

    init(_ budget: AnswerBudget, _ configuration: RPCServer.Configuration) {
        self.budget = budget
        limit = configuration.maxUnsentAnswerByteCount
    }

    var heldByteCount: Int { held.load(ordering: .relaxed) }

    /// Whether another answer may be begun: not while the client has this much to read.
    var mayGoOn: Bool {
        let own = heldByteCount
        return own <= AnswerBudget.leastShare || own <= currentLimit
    }

    /// Above this much unread, nothing more is begun.
    var currentLimit: Int { budget.isPressed ? min(limit, budget.share) : limit }

    /// Some of an answer has left.
    func markReader() {
        if !hasRead.load(ordering: .relaxed) { hasRead.store(true, ordering: .relaxed) }
    }

    func add(_ byteCount: Int) {
        guard byteCount != 0 else { return }
        held.add(byteCount, ordering: .relaxed)
        budget.add(byteCount)
    }

    /// Takes room for an answer of that size before it is made.
    func reserve(_ byteCount: Int) -> Bool {
        guard mayGoOn, budget.reserve(byteCount, isReader: hasRead.load(ordering: .relaxed))
        else { return false }
        held.add(byteCount, ordering: .relaxed)
        return true
    }

    /// Counts an answer that was made without a reservation; false, and nothing, if there is no
    /// room for it.
    func take(_ byteCount: Int) -> Bool {
        add(byteCount)
        if heldByteCount <= budget.share
            || !budget.mustDrop(byteCount, isReader: hasRead.load(ordering: .relaxed))
        {
            return true
        }
        add(-byteCount)
        return false
    }
}
