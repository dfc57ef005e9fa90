import ImmudbClient
import MerkleTree
import ProgramKit
import RPCTransport
import Terminal

/// Why a command failed, as it is shown: for people, and as JSON.
struct Failure: Equatable {
    /// Names the kind: a status of gRPC, or one of those in `docs/immuclient.md`.
    let code: String
    let message: String
    /// All lines that people are shown.
    let text: String
    /// Which check of a verification failed.
    var check: String?
    /// What the failure was about, where the server's words do not say it.
    var hint: Hint?
    /// The command or flag that was probably meant.
    var suggestion: String?
    /// What the process ends with, if nothing worse follows.
    var exitCode = ExitCode.failed

    var json: JSONObject {
        var error: JSONObject = ["code": .text(code), "message": .text(message)]
        if let check { error["check"] = .text(check) }
        if let hint {
            error["hint"] = .text(hint.text)
            if let key = hint.key { error.set("key", bytes: key) }
        }
        if let suggestion { error["suggestion"] = .text(suggestion) }
        return ["error": .object(error)]
    }

    /// Says it on the standard error.
    func complain(_ format: Output.Format) {
        StandardError.write(LineReport(text, json: json), format)
    }
}

extension Failure {
    init(_ error: any Error, isInShell: Bool = false) {
        switch error {
        case let error as UsageError:
            self.init(
                code: "Usage", message: error.message, text: error.text(isInShell: isInShell),
                suggestion: error.suggestion)
        case let error as SettingsError:
            self.init(
                code: "Settings", message: error.message, text: "Error: \(error.message)")
        case let error as VerificationError:
            self.init(failed: error, explanation: Self.distrust)
        case let error as UnprovenHash:
            self.init(
                failed: error.failure,
                explanation: "either the given hash is not the right one, or the server is not to "
                    + "be trusted.")
        case let error as FalseReceipt:
            self.init(
                failed: error.failure,
                explanation:
                    "the receipt does not prove its entry under that root: it was changed, "
                    + "or the root is another one.")
        case let error as AnnotatedError:
            self.init(Failure(error.cause), note: error.note)
            if let exitCode = error.exitCode { self.exitCode = exitCode }
        case let error as HintedError:
            let failure = Failure(error.cause)
            self.init(
                code: failure.code, message: failure.message,
                text: "\(failure.text)\n\(error.hint.text)", hint: error.hint,
                exitCode: failure.exitCode)
        case let error as ClientError:
            self.init(error)
        case let error as ToolError:
            self.init(code: error.code, message: "\(error)", text: "\(error)")
        case let error as ShellWords.SyntaxError:
            self.init(code: "Usage", message: "\(error)", text: "Error: \(error)")
        default:
            self.init(code: "LocalFailure", message: "\(error)", text: "\(error)")
        }
    }

    private static let distrust =
        "do not trust this server. The trusted root stays as it was."

    private init(failed error: VerificationError, explanation: String) {
        self.init(
            code: "VerificationFailed", message: "\(error)",
            text: "VERIFICATION FAILED: \(explanation)\n\(error)", check: error.code.rawValue,
            exitCode: .verificationFailed)
    }

    private init(_ failure: Failure, note: String) {
        self.init(
            code: failure.code, message: "\(failure.message). \(note)",
            text: "\(note)\n\(failure.text)", check: failure.check, exitCode: failure.exitCode)
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
            text: isLoginMissing ? "unauthenticated, please login" : error.wireDescription,
            exitCode: Self.exitCode(of: error))
    }

    private static func exitCode(of error: ClientError) -> ExitCode {
        // A server that cannot do it now, and says so, was reached.
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

/// A failure, and what became of the command's work.
struct AnnotatedError: Error {
    let cause: any Error
    let note: String
    /// nil: that of the cause.
    var exitCode: ExitCode?
}

/// A proof does not hold for a hash that was typed, which may be what is wrong.
struct UnprovenHash: Error {
    let failure: VerificationError
}

/// A receipt that does not prove its entry, or not under the root that is trusted.
struct FalseReceipt: Error {
    let failure: VerificationError
}

/// Runs a verified write. If its answer proves nothing, says what became of the entry: whoever
/// writes it again would have it twice.
func writing<Value>(_ write: () async throws -> Value) async throws -> Value {
    do {
        return try await write()
    } catch let error as VerificationError where !error.isRefusal {
        throw AnnotatedError(
            cause: error,
            note: "verified: false. The server has probably stored your entry anyway: look "
                + "before you write it again.")
    }
}

/// Reads an entry that the command has just written, to print it. If that fails, says that the entry
/// is stored: a write that is repeated is there twice.
func readingBack<Value>(
    _ written: EntryIndex, _ read: () async throws -> Value
) async throws -> Value {
    do {
        return try await read()
    } catch let error as ClientError {
        throw AnnotatedError(
            cause: error,
            note: "Your entry is stored at index \(written); reading it failed. Do not write it "
                + "again.",
            exitCode: .outcomeUnknown)
    }
}
