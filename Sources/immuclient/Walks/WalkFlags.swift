import ArgumentParser

/// The number and order of the printed entries of a walk.
struct WalkFlags: ParsableArguments {
    @Option(help: ArgumentHelp("print at most this many entries", valueName: "number"))
    var limit: String?

    @Flag(help: "print in the opposite order")
    var reverse = false

    /// The most entries to be printed.
    var most: UInt64 { limit.flatMap { UInt64($0) } ?? .max }

    func validate() throws {
        guard let limit else { return }
        guard try Number.parse(limit, as: "limit") > 0 else {
            throw ValidationError("'\(limit)' is no limit: give a whole number from 1")
        }
    }
}

/// The bounds of the indexes of a walk.
struct IndexBounds: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "begin after the entry with this index, in the order of printing", valueName: "index"))
    var offset: String?

    @Option(
        help: ArgumentHelp(
            "end with the entry with this index, in the order of printing", valueName: "index"))
    var until: String?

    var isGiven: Bool { offset != nil || until != nil }

    func validate() throws {
        for text in [offset, until] {
            _ = try text.map { try Number.parse($0, as: "index") }
        }
    }

    /// Returns the indexes that may be printed.
    ///
    /// - Parameter isDescending: whether the newest entry is printed first.
    func range(isDescending: Bool) -> Range<UInt64> {
        let (offset, until) = (offset.flatMap { UInt64($0) }, until.flatMap { UInt64($0) })
        let lower = isDescending ? until ?? 0 : offset.map { $0 == .max ? $0 : $0 + 1 } ?? 0
        let upper =
            isDescending ? offset ?? .max : until.map { $0 == .max ? $0 : $0 + 1 } ?? .max
        return lower..<max(lower, upper)
    }
}
