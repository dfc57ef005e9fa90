extension Database {
    /// The settings of a database's self-check, which walks over all entries while the database is open: see
    /// ``Database/Options/selfCheck``.
    public struct SelfCheckOptions: Hashable, Sendable {
        /// The most entries that are checked in a second. Nil: as many as are needed to be through in a week, and at least
        /// 100, within 1/60 of a processor; a round then takes at least an hour.
        public var entriesPerSecond: Int?

        public init(entriesPerSecond: Int? = nil) { self.entriesPerSecond = entriesPerSecond }
    }

    /// Where the self-check is.
    public struct SelfCheckProgress: Hashable, Sendable {
        /// The entries that were checked since the database was opened.
        public internal(set) var entryCount: UInt64 = 0
        /// Rounds over all entries that are complete, also before the database was opened.
        public internal(set) var roundCount: UInt64 = 0
        /// The part of the current round that is done, from 0 to 1.
        public internal(set) var roundProgress: Double = 0
        /// When the last round was complete, in seconds since 1970; nil if none was.
        public internal(set) var lastRoundEndedAt: Int64?
        /// The blocks that could not be read, since the database was opened: the disk failed.
        public internal(set) var unreadBlockCount: UInt64 = 0
    }

    /// Where the self-check is; nil without one.
    public var selfCheckProgress: SelfCheckProgress? { selfCheck?.progress }
}
