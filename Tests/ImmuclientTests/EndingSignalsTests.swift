import ClientKit
import Testing

@testable import immuclient

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@Suite("Signals that end a command")
struct EndingSignalsTests {
    @Test(
        "end the process after the cleaning, even if they come as soon as they are watched",
        arguments: [SIGINT, SIGTERM, SIGHUP])
    func atOnce(number: Int32) async throws {
        for _ in 0..<5 {
            let ended = try await #require(
                processExitsWith: .failure, observing: [\.standardErrorContent]
            ) { [number] in
                signal(number, SIG_DFL)
                let signals = EndingSignals(before: { _ = write(STDERR_FILENO, "cleaned", 7) })
                kill(getpid(), number)
                sleep(10)
                withExtendedLifetime(signals) {}
                exit(0)  // nothing ended it
            }
            #expect(ended.exitStatus == .signal(number))
            #expect(String(decoding: ended.standardErrorContent, as: UTF8.self) == "cleaned")
        }
    }
}
