import StorageIO
import Testing

@testable import ServiceKit

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@Suite("Signals that stop the server")
struct StopSignalsTests {
    @Test("are not lost if they come as soon as they are watched", arguments: [SIGTERM, SIGINT])
    func atOnce(number: Int32) async {
        for _ in 0..<5 {
            await #expect(processExitsWith: .success) { [number] in
                let signals = StopSignals(log: ServerLog(level: .error) { _ in })
                kill(getpid(), number)
                alarm(10)  // ends this process if the signal is lost
                await signals.first()
            }
        }
    }
}
