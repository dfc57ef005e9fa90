import Logging
import RPCTransport
import StorageIO

/// A call in lines of the log.
protocol LoggedCall {
    /// `/package.Service/Method`
    var method: String { get }
    /// `127.0.0.1:40112`
    var peerAddress: String { get }
}

extension ServerCall: LoggedCall {}
extension ServerStream: LoggedCall {}

extension Logger {
    /// The parts of the server that write to the log.
    enum Component: String {
        case server, calls, users, store, tls
    }

    /// Returns a logger for one part of the server, which its lines name in the field `component`.
    func of(_ component: Component, _ more: Metadata = [:]) -> Logger {
        var log = self
        log[metadataKey: "component"] = .string(component.rawValue)
        for (name, value) in more { log[metadataKey: name] = value }
        return log
    }

    /// Logs a line about one call, at the level debug.
    func debug(_ message: @autoclosure () -> Message, of call: some LoggedCall) {
        debug(message(), metadata: Metadata(call))
    }

    func info(_ message: @autoclosure () -> Message, of call: some LoggedCall) {
        info(message(), metadata: Metadata(call))
    }

    /// A sink for the database's lines.
    var sink: LogSink {
        { level, message in log(level: Level(level), "\(message)") }
    }
}

extension Logger.Level {
    /// Maps the level of a line of the database.
    fileprivate init(_ level: LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}

extension Logger.Metadata {
    /// Makes the fields for a call's method and client.
    init(_ call: some LoggedCall) {
        let name = call.method.split(separator: "/").last.map(String.init) ?? call.method
        self = ["rpc": .string(name), "client": .string(call.peerAddress)]
    }

    init(client address: String) { self = ["client": .string(address)] }
}

/// Formats a key for the log, as text if possible. Long keys are cut.
func printable(_ key: some Collection<UInt8>) -> String {
    let shown = key.prefix(64)
    return String(decoding: shown, as: UTF8.self) + (shown.count < key.count ? "…" : "")
}
