// What the commands `backup` and `restore` of immudb and of immuadmin share: their flags, and the roots that they are told.

public import ArgumentParser
import ImmudbBackup
public import ImmudbModel
public import MerkleTree
public import ProgramKit

/// The flags of `backup`.
public struct BackupFlags: ParsableArguments, Sendable {
    @Argument(
        help: ArgumentHelp(
            "Path of the file, or - for the standard output (default: immudb_<date>_<time>.backup).",
            valueName: "file"), completion: .file())
    public var file: String?

    @Option(
        help: ArgumentHelp(
            "Only what is newer than this backup, or than a root, <hex>@<size>.",
            valueName: "backup"),
        completion: .file())
    public var since: String?

    @Option(help: ArgumentHelp("Mebibytes to read in a second, at most.", valueName: "MiB"))
    public var rate: Rate?

    @Flag(help: "Replace the file if it exists.")
    public var force = false

    public init() {}

    /// Returns the path of the file, named by the time if none was given; `-` for the standard output.
    public func path() -> String { file ?? localTime("immudb_%Y-%m-%d_%H-%M-%S.backup") }
}

/// The flags of `restore`.
public struct RestoreFlags: ParsableArguments, Sendable {
    @Argument(
        help: ArgumentHelp(
            "The full backup, then incremental ones in their order; - for the standard input.",
            valueName: "backup"), completion: .file())
    public var backups: [String]

    @Option(
        help: ArgumentHelp(
            "Compare with a root that is known: <hex>@<size>, or a client's root file, or a receipt.",
            valueName: "root"))
    public var root: String?

    @Option(help: ArgumentHelp("Restore the first so many entries only.", valueName: "size"))
    public var untilSize: UInt64?

    @Flag(help: "Make another server of it, which clients do not know.")
    public var newIdentifier = false

    public init() {}

    public func validate() throws {
        if backups.count(where: { $0 == "-" }) > 1 {
            throw ValidationError("there is one standard input: give - once")
        }
        if let untilSize, TreeSize(rawValue: untilSize) == nil {
            throw ValidationError("--until-size is \(untilSize): no database is so large")
        }
    }

    /// How many entries to restore; nil for all.
    public var until: TreeSize? { untilSize.flatMap { TreeSize(rawValue: $0) } }

    /// Reads the root to compare with; nil if none was given.
    ///
    /// - Throws: as ``KnownRoot/read(_:)``.
    public func knownRoot() throws(StoreError) -> TrustedRoot? {
        guard let root else { return nil }
        return try KnownRoot.read(root)
    }

    /// The number of entries in all backups, as the last one states it; nil if that is no complete file.
    public var statedSize: UInt64? {
        backups.last.flatMap { try? PreviousBackup(path: $0).trailer.end.size.rawValue }
    }

    /// What to say to somebody who has named no root.
    public static let advice =
        "Compare the root with one that you or your clients know: --root does that"
}
