package import ImmudbClient
import ImmudbProtocol

// Why a login is refused by a server that has no users: it was started without them, or is of a release that has none.

extension ClientError {
    package var saysThatLoginIsOff: Bool {
        status == .unimplemented || message.hasPrefix(ErrorText.authenticationIsDisabled)
    }

    /// The error of a login, with what to do if the server has no users.
    package var explainedForLogin: any Error {
        guard let status, saysThatLoginIsOff else { return self }
        return ToolError(
            "\(self)\nthis server has no users: use it without login and --auth",
            code: status.name)
    }
}
