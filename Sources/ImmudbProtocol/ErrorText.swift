/// Texts of errors by which a client tells one case from another.
public enum ErrorText {
    /// The root index that a request names is not in the server's tree: its tree is smaller than the one
    /// that the client has seen. Of status INVALID_ARGUMENT.
    public static let invalidRootIndex = "invalid root index"

    /// Begins the text of the first login of an administrator, of status UNKNOWN; name and password follow
    /// in lines between two of three hyphens.
    public static let firstAdminLogin = "FirstAdminLogin"

    /// A login to a server that was started without users. Of status UNAVAILABLE.
    public static let authenticationIsDisabled = "authentication is disabled on server"
}
