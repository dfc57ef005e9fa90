import Foundation
import POSIX
import Synchronization
import TerminalScreen

/// Shows a server's statistics on the whole terminal, every three seconds, until the user ends it.
///
/// If the server stops answering, or restarts, the screen keeps the earlier statistics and says so, and fetching goes
/// on.
public final class LiveStatistics: Sendable {
    /// The time between two fetches.
    private static let interval = Duration.seconds(3)

    private let address: String
    private let waker: ScreenWaker
    private let history = Mutex(StatisticsHistory())

    /// - Parameters:
    ///   - address: the server's address, for display.
    ///   - first: the statistics that were already fetched.
    /// - Throws: `ScreenError` if the terminal cannot show a screen; the terminal is then
    ///   unchanged.
    public init(address: String, first: ServerStatistics) throws {
        try FullScreen.requireTerminal()
        self.address = address
        waker = try ScreenWaker()
        note(.success(first))
    }

    /// Returns when the user ends it with q, Esc or Ctrl-C. Other signals restore the terminal and end the process.
    ///
    /// - Parameter fetch: fetches the statistics.
    /// - Throws: `ScreenError` if the terminal cannot show a screen, or is gone.
    public func run(
        fetching fetch: @escaping @Sendable () async throws -> ServerStatistics
    ) async throws {
        let fetching = Task {
            let clock = ContinuousClock()
            var next = clock.now + Self.interval
            while true {
                try await clock.sleep(until: next)
                do {
                    note(.success(try await fetch()))
                } catch {
                    try Task.checkCancellation()
                    note(.failure(error))
                }
                waker.wake()
                next = max(next + Self.interval, clock.now)
            }
        }
        defer { fetching.cancel() }
        // Runs on its own thread, since it waits for keys.
        try await withCheckedThrowingContinuation {
            (continuation: CheckedContinuation<Void, any Error>) in
            do {
                _ = try WorkerThread(name: "screen") { [self] in
                    continuation.resume(with: Result { try show() })
                }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    private func note(_ outcome: Result<ServerStatistics, any Error>) {
        let now = Date().timeIntervalSince1970
        history.withLock { history in
            switch outcome {
            case .success(let statistics):
                history.add(statistics, moment: Self.moment, now: now)
            case .failure(let error):
                history.addFailure((error as? MetricsError)?.reason ?? "\(error)", now: now)
            }
        }
    }

    private func show() throws {
        let screen = try FullScreen(waker: waker)
        var end: FullScreen.Event?
        while end == nil {
            let view = StatisticsView(
                of: history.withLock { $0 }, address: address, moment: Self.moment,
                now: Date().timeIntervalSince1970, timeOfDay: Self.timeOfDay)
            screen.show(
                view.grid(width: screen.width, height: screen.height, charset: screen.charset))
            end = nextEnd(of: screen)
        }
        screen.end()
        switch end {
        case .ended(by: let number) where number != SIGINT: FullScreen.endProcess(by: number)
        case .closed: throw ScreenError("the terminal is gone")
        default: return
        }
    }

    /// Waits until there is something to draw, and then returns nil, or until an event that ends
    /// the screen.
    private func nextEnd(of screen: FullScreen) -> FullScreen.Event? {
        while true {
            let event = screen.nextEvent()
            switch event {
            case .key(.escape), .key(.character(UInt8(ascii: "q"))),
                .key(.character(UInt8(ascii: "Q"))), .key(.character(3)), .ended, .closed:
                return event
            case .key(.character(0x0c)):
                // Ctrl-L: something else has written to the terminal.
                screen.forget()
                return nil
            case .key: continue
            case .woken, .resized, nil: return nil
            }
        }
    }

    private static let start = ContinuousClock.now

    private static var moment: Double { (ContinuousClock.now - start) / .seconds(1) }

    private static func timeOfDay(_ seconds: Double) -> String {
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        func twoDigits(_ number: Int32) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return [parts.tm_hour, parts.tm_min, parts.tm_sec].map(twoDigits).joined(separator: ":")
    }
}
