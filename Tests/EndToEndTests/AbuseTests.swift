import Testing

/// Attacks over real sockets, in their short form. The server survives, stays within its memory
/// bound, and serves an honest client. Beside other tests, only a stall of seconds counts as slow;
/// `make abuse` runs the long form with its bounds on latency. See `Python/abuse.py`.
///
/// The tests run one at a time, since each measures an honest client.
@Suite("immudb under attack", .serialized)
struct AbuseTests {
    @Test(
        "survives 1,000 calls in flight whose deadlines pass while they run")
    func deadlines() async throws {
        try await attack("deadlines")
    }

    @Test(
        "takes batches again after others have expired in the queue")
    func expiredBatches() async throws {
        try await attack("expired-batches")
    }

    @Test(
        "serves others while clients hold all room for requests that they never finish")
    func unfinishedRequests() async throws {
        try await attack("unfinished,unfinished-trickle")
    }

    @Test(
        "decodes headers that expand only up to their budget")
    func headerCommas() async throws {
        try await attack("header-commas")
    }

    @Test(
        "reads no more for Dump than clients take, and nothing once they have disconnected")
    func dumps() async throws {
        try await attack("dump-unread,dump-streams")
    }

    @Test(
        "counts repeated fields before it decodes them")
    func emptySubmessages() async throws {
        try await attack("empty-setbatch,empty-setbatchsv,empty-getbatch")
    }

    @Test(
        "shortens echoed paths, and counts statuses that nobody reads")
    func percentPaths() async throws {
        try await attack("percent-paths")
    }

    @Test(
        "lets a write pass 200 Counts of another client")
    func counts() async throws {
        try await attack("counts")
    }

    @Test(
        "closes the connection of a client that makes it reset its streams")
    func windowOverflow() async throws {
        try await attack("window-overflow")
    }

    @Test(
        "serves others beside 1,300 connections with 1,024 descriptors")
    func tooManyConnections() async throws {
        try await attack("too-many,too-many-silent")
    }

    @Test(
        "serves and stops although nobody reads its log")
    func unreadLog() async throws {
        try await attack("log-unread")
    }

    @Test(
        "serves metadata with blanks at both ends")
    func blankMetadata() async throws {
        try await attack("blank-metadata")
    }

    @Test("serves others during floods, resets, slow clients and random frames")
    func relatives() async throws {
        try await attack(
            "rapid-reset,zero-increment,self-priority,data-after-end,settings-unread,ping-unread,"
                + "empty-data,continuation-flood,huge-field,table-churn,padding-flood,half-preface,"
                + "slow-headers,reset-at-once,trailers-storm,declared-length,compressed-flag,"
                + "random-bytes,frame-fuzz",
            ["--seconds", "0.4"])
    }

    /// Runs attacks by name, and expects that they find nothing.
    private func attack(_ names: String, _ options: [String] = []) async throws {
        let server = try RunningProcess.path(of: "immudb")
        let output = try await PythonPeer.run(
            "abuse.py", [server, "--short", "--loaded", "--only", names] + options,
            timeoutSeconds: 300)
        #expect(output.contains(": 0 with findings"))
    }
}
