/// Texts of errors by which a client distinguishes cases that have the same status.
public enum ErrorText {
    /// The server's tree is smaller than the one that the client has seen: it does not have the
    /// root index of the request. The status is INVALID_ARGUMENT.
    public static let invalidRootIndex = "invalid root index"

    /// The first line of the answer to an administrator's first login, with the status UNKNOWN.
    /// Name and password follow, between two lines of three hyphens.
    public static let firstAdminLogin = "FirstAdminLogin"

    /// The server was started without users, so nobody can log in. The status is UNAVAILABLE.
    public static let authenticationIsDisabled = "authentication is disabled on server"
}
