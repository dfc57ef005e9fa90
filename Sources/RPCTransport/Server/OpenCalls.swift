import NIOCore

/// The calls of a connection whose HTTP/2 streams are open. Event loop only.
struct OpenCalls: ~Copyable {
    /// The largest number of calls that are refused, or end at their deadlines, at once: each takes up to 10 µs.
    /// Others wait for the next check.
    private static let endingsAtOnce = 32

    private struct Entry {
        let streamID: Int32
        let call: ActiveCall
    }

    /// The calls in the order of their streams. Each call is appended when it begins: a new stream's number is larger
    /// than those before (RFC 9113, section 5.1.1), and nghttp2 ends the connection of a client that sends a smaller
    /// one.
    private var entries: [Entry] = []
    /// The position that was looked up last; the frames of a call arrive together.
    private var recent = 0

    var isEmpty: Bool { entries.isEmpty }
    var count: Int { entries.count }

    mutating func add(_ call: ActiveCall) {
        // So it is normally the last one. If it is not, insert it among the others, so that no client can stop the
        // server by that.
        var position = entries.count
        while position > 0, entries[position - 1].streamID > call.streamID { position -= 1 }
        recent = position
        entries.insert(Entry(streamID: call.streamID, call: call), at: position)
    }

    mutating func find(_ stream: Int32) -> ActiveCall? {
        position(of: stream).map { entries[$0].call }
    }

    mutating func remove(_ stream: Int32) -> ActiveCall? {
        position(of: stream).map { entries.remove(at: $0).call }
    }

    mutating func removeAll() -> [ActiveCall] {
        let all = entries.map(\.call)
        self = OpenCalls()
        return all
    }

    /// Binary search. Of 1,024 calls, the most that a client may have open, removing the first one moves 16 KiB.
    private mutating func position(of stream: Int32) -> Int? {
        if recent < entries.count, entries[recent].streamID == stream { return recent }
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].streamID < stream { low = middle + 1 } else { high = middle }
        }
        guard low < entries.count, entries[low].streamID == stream else { return nil }
        recent = low
        return low
    }

    /// Returns calls whose deadline has passed, as many as may end at once, and when to look again.
    func overdue(_ now: NIODeadline) -> (calls: [ActiveCall], next: NIODeadline) {
        var overdue: [ActiveCall] = []
        var next = NIODeadline.distantFuture
        for entry in entries {
            let call = entry.call
            guard let deadline = call.deadline else { continue }
            if deadline <= now, overdue.count < Self.endingsAtOnce {
                overdue.append(call)
            } else {
                next = min(next, deadline)
            }
        }
        return (overdue, next)
    }

    /// Notes the progress of the requests. Returns calls whose request has received less than `byteCount` within
    /// `time`, and conversations that have made no progress with what they hold, as many as may end at once.
    func slow(_ now: NIODeadline, _ byteCount: Int, _ time: TimeAmount) -> [ActiveCall] {
        var slow: [ActiveCall] = []
        for entry in entries {
            if entry.call.noteProgress(now, byteCount, time) { slow.append(entry.call) }
            if slow.count == Self.endingsAtOnce { break }
        }
        return slow
    }

    /// Conversations in which nothing is left to answer.
    var restingConversations: [ActiveCall] {
        entries.map(\.call).filter(\.isRestingConversation)
    }

    /// Returns whether no call proceeds before the client sends or reads something.
    func allWaitForClient(whichHasUnread hasUnread: Bool) -> Bool {
        entries.allSatisfy { $0.call.waitsForClient(whichHasUnread: hasUnread) }
    }
}
