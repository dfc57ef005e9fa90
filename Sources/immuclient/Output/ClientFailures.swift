import ClientKit
import ImmudbClient
import MerkleTree

// How the errors of this program's commands are shown.

/// A failure, and what became of the command's work.
struct AnnotatedError: ExplainableError {
    let cause: any Error
    let note: String
    /// nil: that of the cause.
    var exitCode: ExitCode?

    var failure: Failure {
        let failure = Failure(cause)
        return Failure(
            code: failure.code, message: "\(failure.message). \(note)",
            text: "\(note)\n\(failure.text)", check: failure.check,
            exitCode: exitCode ?? failure.exitCode)
    }
}

/// A call that failed, and what it was about.
struct HintedError: ExplainableError {
    let cause: ClientError
    let hint: Failure.Hint

    var failure: Failure {
        let failure = Failure(cause)
        return Failure(
            code: failure.code, message: failure.message, text: "\(failure.text)\n\(hint.text)",
            hint: hint, exitCode: failure.exitCode)
    }
}

/// A proof does not hold for a hash that was typed, which may be what is wrong.
struct UnprovenHash: ExplainableError {
    let cause: VerificationError

    var failure: Failure {
        Failure(
            failed: cause,
            explanation: "either the given hash is not the right one, or the server is not to "
                + "be trusted.")
    }
}

/// A receipt that does not prove its entry, or not under the root that is trusted.
struct FalseReceipt: ExplainableError {
    let cause: VerificationError

    var failure: Failure {
        Failure(
            failed: cause,
            explanation: "the receipt does not prove its entry under that root: it was changed, "
                + "or the root is another one.")
    }
}

extension ShellWords.SyntaxError: ExplainableError {
    var failure: Failure { Failure(code: "Usage", message: "\(self)", text: "Error: \(self)") }
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
