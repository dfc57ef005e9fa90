/// The release of all executables and libraries of this package.
public enum ImmudbRelease {
    /// Major, minor and patch number. The first two name the version of the wire. The version is
    /// defined only here: `make version` reads it, and CONTRIBUTING.md describes how a release is
    /// tagged.
    public static let version = "0.6.0"
}
