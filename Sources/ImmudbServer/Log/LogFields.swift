import Logging
import RPCTransport
import StorageIO

/// A call that lines of the log are about.
protocol LoggedCall {
    /// `/package.Service/Method`
    var method: String { get }
    /// `127.0.0.1:40112`
    var peerAddress: String { get }
}

extension ServerCall: LoggedCall {}
extension ServerStream: LoggedCall {}

extension Logger {
    /// The parts of the server that say something.
    enum Component: String {
        case server, calls, users, store, tls
    }

    /// The same log for one part of the server, which is the field `component` of its lines.
    func of(_ component: Component, _ more: Metadata = [:]) -> Logger {
        var log = self
        log[metadataKey: "component"] = .string(component.rawValue)
        for (name, value) in more { log[metadataKey: name] = value }
        return log
    }

    /// A line about one call, for debugging.
    func debug(_ message: @autoclosure () -> Message, of call: some LoggedCall) {
        debug(message(), metadata: Metadata(call))
    }

    func info(_ message: @autoclosure () -> Message, of call: some LoggedCall) {
        info(message(), metadata: Metadata(call))
    }

    /// What the database below says.
    var sink: LogSink {
        { level, message in log(level: Level(level), "\(message)") }
    }
}

extension Logger.Level {
    /// Of a line of the database's.
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
    /// A call's method and client.
    init(_ call: some LoggedCall) {
        let name = call.method.split(separator: "/").last.map(String.init) ?? call.method
        self = ["rpc": .string(name), "client": .string(call.peerAddress)]
    }

    init(client address: String) { self = ["client": .string(address)] }
}

/// A key for a line of the log: text where it is text. Long ones are cut.
func printable(_ key: some Collection<UInt8>) -> String {
    let shown = key.prefix(64)
    return String(decoding: shown, as: UTF8.self) + (shown.count < key.count ? "…" : "")
}
