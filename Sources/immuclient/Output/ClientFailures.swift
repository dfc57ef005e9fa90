import ClientKit
import ImmudbClient
import MerkleTree

// The presentation of the errors of this program's commands.

/// A failure, with a note on what the command has done.
struct AnnotatedError: ExplainableError {
    let cause: any Error
    let note: String
    /// nil: the exit code of the cause.
    var exitCode: ExitCode?

    var failure: Failure {
        let failure = Failure(cause)
        return Failure(
            code: failure.code, message: "\(failure.message). \(note)",
            text: "\(note)\n\(failure.text)", check: failure.check,
            exitCode: exitCode ?? failure.exitCode)
    }
}

/// A call that failed, with a hint at the cause.
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

/// A proof that does not hold for a given hash, which may itself be wrong.
struct UnprovenHash: ExplainableError {
    let cause: VerificationError

    var failure: Failure {
        Failure(
            failed: cause,
            explanation: "either the given hash is not the right one, or the server is not to "
                + "be trusted.")
    }
}

/// A receipt that does not prove its entry, or not under the trusted root.
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

/// Runs a verified write. If the answer proves nothing, says what may have happened to the entry: a user who writes it
/// again would have it twice.
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

/// Reads an entry that the command has just written, to print it. If that fails, says that the entry is stored:
/// repeating the write would store it twice.
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
