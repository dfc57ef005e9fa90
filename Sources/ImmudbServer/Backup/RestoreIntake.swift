import ImmudbStore
import POSIX
import StorageIO

/// The pieces of backups on their way from calls to the thread that restores them.
///
/// Memory: 4 MiB, and one piece more, which is held by its call until there is room for the next one.
final class RestoreIntake: Sendable {
    struct Piece: Sendable {
        /// The name of the backup.
        var name: String
        var bytes: [UInt8]
        var endsBackup: Bool
        /// Whether it is the last piece of the last backup.
        var endsRestore: Bool
    }

    typealias Completion = @Sendable (Result<Void, StoreError>) -> Void

    private static let byteLimit = 4 << 20

    private struct State: Sendable {
        var pieces: [Piece] = []
        var byteCount = 0
        /// The number of the next piece.
        var next: UInt64 = 0
        /// Tells the sender of the last piece that there is room.
        var waiting: Completion?
        var isComplete = false
        /// Why no more pieces are taken.
        var failure: StoreError?
    }

    private let monitor = Monitor(State())
    private let idleLimit: Duration

    /// - Parameter idleLimit: how long the next piece may take.
    init(idleLimit: Duration) { self.idleLimit = idleLimit }

    // MARK: the calls

    /// Takes a piece.
    ///
    /// - Parameter completion: called when there is room for another one, or with the reason why there will be none.
    func put(_ piece: Piece, number: UInt64, _ completion: @escaping Completion) {
        let outcome = monitor.change { state -> Result<Void, StoreError>? in
            if let failure = state.failure { return .failure(failure) }
            guard number == state.next, state.waiting == nil, !state.isComplete else {
                return .failure(
                    StoreError(
                        .invalidOffset,
                        "piece \(number) of the backups is not the one that is expected, \(state.next)"
                    )
                )
            }
            state.next += 1
            state.pieces.append(piece)
            state.byteCount += piece.bytes.count
            state.isComplete = piece.endsRestore
            if state.byteCount <= Self.byteLimit { return .success(()) }
            state.waiting = completion
            return nil
        }
        if let outcome { completion(outcome) }
    }

    /// Takes no more pieces, and hands out none.
    func end(_ reason: StoreError) {
        let waiting = monitor.change { state in
            state.failure = state.failure ?? reason
            state.pieces = []
            return state.waiting.take()
        }
        waiting?(.failure(reason))
    }

    // MARK: the thread

    /// Returns the next piece; waits for it.
    ///
    /// - Throws: the reason of ``end(_:)``; `cancelled` if it does not come in time.
    func take() throws(StoreError) -> Piece {
        let taken = monitor.wait(upTo: idleLimit) {
            state -> Result<(Piece, Completion?), StoreError>? in
            if let failure = state.failure { return .failure(failure) }
            guard !state.pieces.isEmpty else { return nil }
            let piece = state.pieces.removeFirst()
            state.byteCount -= piece.bytes.count
            return .success(
                (piece, state.byteCount <= Self.byteLimit ? state.waiting.take() : nil))
        }
        guard let taken else {
            throw StoreError(
                .cancelled,
                "no piece of the backups has come for \(idleLimit.components.seconds) seconds: the restore is given "
                    + "up")
        }
        let (piece, waiting) = try taken.get()
        waiting?(.success(()))
        return piece
    }
}

/// Reads one backup after the other from an intake. By one thread.
final class RestoreSource {
    private let intake: RestoreIntake
    private var piece: RestoreIntake.Piece?
    /// How many bytes of `piece` were read.
    private var offset = 0

    init(_ intake: RestoreIntake) { self.intake = intake }

    /// Moves to the next backup.
    ///
    /// - Returns: its name; nil after the last one.
    func nextBackup() throws(StoreError) -> String? {
        if let piece, piece.endsRestore { return nil }
        let next = try intake.take()
        piece = next
        offset = 0
        return next.name
    }

    /// Reads bytes of the backup; fewer than there is room for only at its end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(StoreError) -> Int {
        var done = 0
        while done < buffer.count, let current = piece {
            let count = min(buffer.count - done, current.bytes.count - offset)
            current.bytes.withUnsafeBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
                    .copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]))
            }
            done += count
            offset += count
            if done == buffer.count || current.endsBackup { break }
            piece = try intake.take()
            offset = 0
        }
        return done
    }
}
