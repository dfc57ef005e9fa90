/// Texts of errors by which a client tells one case from another.
public enum ErrorText {
    /// The root index that a request names is not in the server's tree: its tree is smaller than the one
    /// that the client has seen. Of status INVALID_ARGUMENT.
    public static let invalidRootIndex = "invalid root index"
}
