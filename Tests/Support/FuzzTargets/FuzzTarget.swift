/// An entry point into the code that parses bytes from an attacker. The fuzzers of `Fuzz/` and the
/// tests that replay their corpus and findings run the same targets.
///
/// A target accepts any input and returns normally when the code refuses it. It throws
/// `FuzzFailure` when the code breaks a promise; the fuzzer or the test runner detects crashes and
/// hangs. It blocks, so it needs its own thread.
public struct FuzzTarget: Sendable {
    /// The name of the folders `Fuzz/corpus/<name>` and `Fuzz/findings/<name>`.
    public let name: String
    private let body: @Sendable ([UInt8]) throws -> Void

    init(_ name: String, _ body: @escaping @Sendable ([UInt8]) throws -> Void) {
        self.name = name
        self.body = body
    }

    public func run(_ bytes: [UInt8]) throws { try body(bytes) }

    public static let all: [FuzzTarget] = [
        FuzzTarget("http2-server", fuzzServer),
        FuzzTarget("http2-client", fuzzClient),
        FuzzTarget("requests", fuzzRequests),
        FuzzTarget("ledger", fuzzLedger),
        FuzzTarget("recovery", fuzzRecovery),
        FuzzTarget("settings", fuzzSettings),
        FuzzTarget("receipts", fuzzReceipts),
        FuzzTarget("proofs", fuzzProofs),
        FuzzTarget("texts", fuzzTexts),
        FuzzTarget("tokens", fuzzTokens),
        FuzzTarget("backups", fuzzBackups),
        FuzzTarget("rootlogs", fuzzRootLogs),
    ]

    public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// A promise that an input broke.
public struct FuzzFailure: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}

func require(_ condition: Bool, _ promise: @autoclosure () -> String) throws {
    if !condition { throw FuzzFailure(promise()) }
}
