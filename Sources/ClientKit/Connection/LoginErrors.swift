package import ImmudbClient
import ImmudbProtocol

// The error of a login to a server without users: it was started without them, or its release has none.

extension ClientError {
    package var saysThatLoginIsOff: Bool {
        status == .unimplemented || message.hasPrefix(ErrorText.authenticationIsDisabled)
    }

    /// The error of a login, with advice if the server has no users.
    package var explainedForLogin: any Error {
        guard let status, saysThatLoginIsOff else { return self }
        return ToolError(
            "\(self)\nthis server has no users: use it without login and --auth",
            code: status.name)
    }
}
