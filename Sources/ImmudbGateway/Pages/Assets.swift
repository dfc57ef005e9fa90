/// The files of the console and of the documentation, which are part of the program.
///
/// `PackageResources` is made by the package manager of the files in `Console/Assets` and `Docs/Assets`.
enum Assets {
    struct Asset: Sendable {
        /// `console` or `docs`.
        let folder: String
        let name: String
        let bytes: [UInt8]
    }

    static let all: [Asset] = []
}
