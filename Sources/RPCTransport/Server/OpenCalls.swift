import NIOCore

/// The calls of a connection whose HTTP/2 streams are open. Event loop only.
struct OpenCalls: ~Copyable {
    /// The most calls that are refused, or end at their deadlines, at once: each takes up to 10 µs. Others wait for the
    /// next look.
    private static let endingsAtOnce = 32

    private var calls: [Int32: ActiveCall] = [:]
    /// The call that was looked up last; frames of one call come together.
    private var recent: ActiveCall?

    var isEmpty: Bool { calls.isEmpty }
    var count: Int { calls.count }

    mutating func add(_ call: ActiveCall) {
        calls[call.streamID] = call
        recent = call
    }

    mutating func find(_ stream: Int32) -> ActiveCall? {
        if let recent, recent.streamID == stream { return recent }
        guard let call = calls[stream] else { return nil }
        recent = call
        return call
    }

    mutating func remove(_ stream: Int32) -> ActiveCall? {
        if recent?.streamID == stream { recent = nil }
        return calls.removeValue(forKey: stream)
    }

    mutating func removeAll() -> [ActiveCall] {
        let all = Array(calls.values)
        self = OpenCalls()
        return all
    }

    /// Returns calls whose deadline has passed, as many as may end at once, and when to look again.
    func overdue(_ now: NIODeadline) -> (calls: [ActiveCall], next: NIODeadline) {
        var overdue: [ActiveCall] = []
        var next = NIODeadline.distantFuture
        for call in calls.values {
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
        for call in calls.values {
            if call.noteProgress(now, byteCount, time) { slow.append(call) }
            if slow.count == Self.endingsAtOnce { break }
        }
        return slow
    }

    /// Conversations in which nothing is left to answer.
    var restingConversations: [ActiveCall] { calls.values.filter(\.isRestingConversation) }

    /// Returns whether no call proceeds before the client sends or reads something.
    func allWaitForClient(whichHasUnread hasUnread: Bool) -> Bool {
        calls.values.allSatisfy { $0.waitsForClient(whichHasUnread: hasUnread) }
    }
}
