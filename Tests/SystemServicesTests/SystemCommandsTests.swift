import Testing

@testable import SystemServices

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@Suite("The programs that an installation runs")
struct SystemCommandsTests {
    private func run(
        _ script: String, limit: Duration? = .seconds(20)
    ) throws(ServiceError) -> CommandResult {
        try SystemCommands().run(["sh", "-c", script], environment: [:], limit: limit)
    }

    @Test("return output and exit code, and 128 and the signal's number")
    func ends() throws {
        #expect(
            try run("echo out; echo err >&2; exit 3") == .init(exitCode: 3, output: "out\nerr\n"))
        #expect(try run("kill -9 $$").exitCode == 137)
    }

    @Test("may print more than is kept")
    func flood() throws {
        let result = try run("head -c 5000000 /dev/zero; echo end")
        #expect(result.exitCode == 0 && result.output.utf8.count == 1 << 20)
    }

    @Test(
        "are killed with those that they have started when their time is over",
        arguments: ["sleep 60", "sleep 60 & sleep 60", "yes"])
    func limit(script: String) throws {
        let begin = ContinuousClock.now
        #expect(throws: ServiceError.self) { try run(script, limit: .milliseconds(300)) }
        #expect(ContinuousClock.now - begin < .seconds(20))
    }

    #if os(Linux)
        @Test("begin without blocked or ignored signals, whatever the process that runs them has")
        func signals() async throws {
            let ended = await #expect(
                processExitsWith: .success, observing: [\.standardErrorContent]
            ) {
                signal(SIGPIPE, SIG_IGN)
                signal(SIGCHLD, SIG_IGN)
                var all = sigset_t()
                sigfillset(&all)
                pthread_sigmask(SIG_BLOCK, &all, nil)
                let result = try SystemCommands().run(
                    ["sh", "-c", "grep -E 'SigBlk|SigIgn' /proc/self/status; exit 5"],
                    environment: [:], limit: nil)
                let masks = result.output.split(separator: "\n").map { $0.suffix(16) }
                // glibc ignores its own two signals in each child.
                let none = ["0000000000000000", "0000000180000000"]
                guard result.exitCode == 5, masks.count == 2,
                    masks.allSatisfy({ none.contains(String($0)) })
                else {
                    let text = "\(result)"
                    _ = write(STDERR_FILENO, text, text.utf8.count)
                    exit(1)
                }
            }
            #expect(String(decoding: ended?.standardErrorContent ?? [], as: UTF8.self) == "")
        }
    #endif
}
