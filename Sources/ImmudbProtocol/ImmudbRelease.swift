/// The release that all executables and libraries of this package belong to.
public enum ImmudbRelease {
    /// Major, minor and patch; the first two name the wire that is spoken. This is the only place of the
    /// version: `make version` reads it, and CONTRIBUTING.md says how a release is tagged.
    public static let version = "0.6.0"
}
