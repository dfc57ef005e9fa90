import ImmudbClient
import ImmudbModel
package import MerkleTree
import ProgramKit
import RPCTransport
import Terminal

/// The failure of a command, as it is shown: for people, and as JSON.
package struct Failure: Equatable {
    /// The kind of failure: a gRPC status, or one of the codes in `docs/immuclient.md`.
    package let code: String
    package let message: String
    /// All lines that are shown to people.
    package let text: String
    /// The check of a verification that failed.
    package var check: String?
    /// A detail that the server's words lack.
    package var hint: Hint?
    /// The command or flag that was probably meant.
    package var suggestion: String?
    /// The exit code of the process, if nothing worse follows.
    package var exitCode: ExitCode

    package init(
        code: String, message: String, text: String, check: String? = nil, hint: Hint? = nil,
        suggestion: String? = nil, exitCode: ExitCode = .failed
    ) {
        self.code = code
        self.message = message
        self.text = text
        self.check = check
        self.hint = hint
        self.suggestion = suggestion
        self.exitCode = exitCode
    }

    package var json: JSONObject {
        var error: JSONObject = ["code": .text(code), "message": .text(message)]
        if let check { error["check"] = .text(check) }
        if let hint {
            error["hint"] = .text(hint.text)
            if let key = hint.key { error.set("key", bytes: key) }
        }
        if let suggestion { error["suggestion"] = .text(suggestion) }
        return ["error": .object(error)]
    }

    /// Writes the failure to the standard error.
    package func complain(_ format: Output.Format) {
        StandardError.write(LineReport(text, json: json), format)
    }

    /// A line below the server's message, which names neither key nor rule.
    package struct Hint: Equatable {
        package let text: String
        /// The key that was not found.
        package let key: [UInt8]?

        package init(_ text: String, key: [UInt8]? = nil) {
            self.text = text
            self.key = key
        }
    }
}

/// An error that defines how it is shown.
package protocol ExplainableError: Error {
    var failure: Failure { get }
}

/// The failure of a command on this side of the connection.
package struct ToolError: ExplainableError, CustomStringConvertible {
    package let description: String
    /// The code for `--json`.
    package let code: String

    package init(_ description: String, code: String = "LocalFailure") {
        self.description = description
        self.code = code
    }

    package var failure: Failure { Failure(code: code, message: description, text: description) }
}

/// A failure that was already reported.
package struct ToldFailure: Error {
    package let exitCode: ExitCode

    package init(exitCode: ExitCode) { self.exitCode = exitCode }
}

extension Failure {
    package init(_ error: any Error, isInShell: Bool = false) {
        switch error {
        case let error as any ExplainableError:
            self = error.failure
        case let error as UsageError:
            self.init(
                code: "Usage", message: error.message, text: error.text(isInShell: isInShell),
                suggestion: error.suggestion)
        case let error as SettingsError:
            self.init(
                code: "Settings", message: error.message, text: "Error: \(error.message)")
        case let error as VerificationError:
            self.init(
                failed: error,
                explanation: "do not trust this server. The trusted root stays as it was.")
        case let error as ClientError:
            self.init(error)
        case let error as StoreError:
            self.init(
                code: "LocalFailure", message: "\(error)", text: "\(error)",
                exitCode: error.isOfWrongData ? .verificationFailed : .failed)
        default:
            self.init(code: "LocalFailure", message: "\(error)", text: "\(error)")
        }
    }

    package init(failed error: VerificationError, explanation: String) {
        self.init(
            code: "VerificationFailed", message: "\(error)",
            text: "VERIFICATION FAILED: \(explanation)\n\(error)", check: error.code.rawValue,
            exitCode: .verificationFailed)
    }

    private static let outcomeUnknown =
        "the outcome is unknown: the entry may have been stored. Look before you write it again"

    private init(_ error: ClientError) {
        if error.code == .outcomeUnknown {
            let cause =
                error.cause.map { "\(($0 as? ClientError)?.wireDescription ?? "\($0)")" }
                ?? error.message
            self.init(
                code: "OutcomeUnknown", message: "\(Self.outcomeUnknown). \(cause)",
                text: "\(Self.outcomeUnknown)\n\(cause)", exitCode: .outcomeUnknown)
            return
        }
        let code = error.status?.name ?? error.code.rawValue.capitalizedFirst
        let isLoginMissing = error.status == .unauthenticated
        self.init(
            code: code, message: error.message,
            text: isLoginMissing ? "unauthenticated, please login" : Self.line(of: error),
            exitCode: Self.exitCode(of: error))
    }

    /// The server's words as one line: they must not look like several, nor steer the terminal on which a file of them is
    /// shown.
    private static func line(of error: ClientError) -> String {
        guard error.status != nil else { return error.wireDescription }
        return String(decoding: TerminalText.escapedLine(error.wireDescription), as: UTF8.self)
    }

    private static func exitCode(of error: ClientError) -> ExitCode {
        // A server that reports that it cannot serve the call now was reached.
        let isAnswer = (error.cause as? RPCError)?.requestFate == .answered
        return switch error.code {
        case .notFound: .notFound
        case .unavailable where !isAnswer, .deadlineExceeded where !isAnswer: .unreachable
        case .outcomeUnknown: .outcomeUnknown
        default: .failed
        }
    }
}

extension String {
    fileprivate var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}
