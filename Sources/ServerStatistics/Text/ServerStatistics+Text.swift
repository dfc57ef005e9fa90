extension ServerStatistics {
    /// Returns the text of `immuadmin stats --text`: the original's lines in its format, and further lines below
    /// them. Each line has a line end.
    ///
    /// - Parameter now: seconds since 1970.
    public func text(now: Double) -> String {
        var text = StatisticsText()
        addOriginalLines(to: &text, now: now)
        addCondition(to: &text)
        addCommits(to: &text)
        addSizes(to: &text)
        addProcess(to: &text)
        return text.lines
    }

    private func addOriginalLines(to text: inout StatisticsText, now: Double) {
        let first = storage.first
        text.add("Database path", Quantities.name(databasePath))
        text.add("Uptime", Quantities.duration(nanoseconds: uptimeNanoseconds))
        text.add("Number of entries", "\(entryCount)")
        text.add("LSM size", Quantities.size(first?.indexByteCount ?? 0))
        text.add("VLog size", Quantities.size(first?.ledgerByteCount ?? 0))
        text.add("Total size", Quantities.size(first?.byteCount ?? 0))
        text.add("Number of clients", "\(clients.count)")
        text.add("Queries per client", "")
        for client in clients {
            text.add(Quantities.name(client.address), "\(client.callCount)", depth: 1)
            if let last = client.lastCall {
                let age = max(0, now - Double(last)) * 1e9
                let nanoseconds = Int64(exactly: age.rounded()) ?? .max
                text.add(
                    "Last query", Quantities.duration(nanoseconds: nanoseconds) + " ago", depth: 2)
            }
        }
        guard hasDurations else { return }
        text.add("Avg. duration (nb calls)", "µs")
        for method in methods {
            guard let duration = method.duration else { continue }
            text.add(
                "\(Quantities.name(method.name)) (\(duration.count))",
                Quantities.whole(method.averageMicroseconds ?? 0), depth: 1)
        }
    }

    private func addCondition(to text: inout StatisticsText) {
        if let health { text.add("Health", health.text) }
        if let connectionCount { text.add("Connections", "\(connectionCount)") }
        text.add("Calls that failed", failedCalls, depth: 0)
        text.add("Writes that failed", failedAppends, depth: 0)
        if let count = waitingWriteCount {
            let size = waitingWriteByteCount.map { " (\(Quantities.size($0)))" } ?? ""
            text.add("Waiting writes", "\(count)\(size)")
        }
        if !waitingCalls.isEmpty { text.add("Waiting calls", waitingCalls, depth: 0) }
    }

    private func addCommits(to text: inout StatisticsText) {
        if let groups {
            text.add("Commit groups", "\(groups.count)")
            text.add("Entries, on average", groups.average.map(Quantities.short) ?? "-", depth: 1)
            text.add("99 % have", groups.bound99 { "\(Quantities.whole($0))" }, depth: 1)
        }
        if let synchronizations {
            func microseconds(_ seconds: Double) -> String { Quantities.whole(seconds * 1e6) }
            text.add("fdatasync (nb calls)", "µs")
            text.add(
                "Average (\(synchronizations.count))",
                synchronizations.average.map(microseconds) ?? "-", depth: 1)
            text.add("99 % take", synchronizations.bound99(microseconds), depth: 1)
        }
    }

    private func addSizes(to text: inout StatisticsText) {
        text.add("Bytes on disk", Quantities.size(storedByteCount))
        for database in storage {
            text.add(Quantities.name(database.path), Quantities.size(database.byteCount), depth: 1)
            text.add("ledger (VLog)", Quantities.size(database.ledgerByteCount), depth: 2)
            text.add("key index (LSM)", Quantities.size(database.indexByteCount), depth: 2)
            text.add("tree", Quantities.size(database.treeByteCount), depth: 2)
        }
        text.add("Memory, by the system", process.residentByteCount.map(Quantities.size) ?? "-")
        guard let used = usedMemoryByteCount else { return }
        text.add("Memory, by the server", Quantities.size(used))
        for part in memoryParts {
            text.add(Quantities.words(part.name), Quantities.size(part.count), depth: 1)
        }
    }

    private func addProcess(to text: inout StatisticsText) {
        if let seconds = process.processorSeconds {
            text.add("Processor time", Quantities.duration(wholeSeconds: seconds))
        }
        if let count = process.openDescriptorCount {
            text.add("Open files", "\(count)" + (process.descriptorLimit.map { " of \($0)" } ?? ""))
        }
    }

    /// The uptime as in the original, rounded to a ten-thousandth of an hour.
    var uptimeNanoseconds: Int64 { Int64((uptimeHours * 10_000).rounded()) * 360_000_000 }

    enum Health: Equatable {
        case whole, takesNoWrites, answersNoReads, neither

        var text: String {
            switch self {
            case .whole: "takes writes, answers reads"
            case .takesNoWrites: "TAKES NO WRITES, answers reads"
            case .answersNoReads: "takes writes, ANSWERS NO READS"
            case .neither: "TAKES NO WRITES, ANSWERS NO READS"
            }
        }
    }

    /// The health; nil if the server does not report it.
    var health: Health? {
        switch (takesWrites, answersReads) {
        case (nil, nil): nil
        case (true?, true?), (true?, nil), (nil, true?): .whole
        case (false?, false?): .neither
        case (false?, _): .takesNoWrites
        case (_, false?): .answersNoReads
        }
    }
}

extension Distribution {
    /// Returns the bound of 99 % of the values, as `≤ 12`.
    fileprivate func bound99(_ show: (Double) -> String) -> String {
        guard let bound = bound(ofPart: 0.99) else { return "-" }
        if bound.isFinite { return "≤ " + show(bound) }
        return buckets.last { $0.bound.isFinite }.map { "> " + show($0.bound) } ?? "-"
    }
}

/// Lines in the format of the original: a label padded to 27 characters with its indentation, a colon, a tab, a
/// value.
private struct StatisticsText {
    private(set) var lines = ""

    mutating func add(_ label: String, _ value: String, depth: Int = 0) {
        let indentation = String(repeating: " ", count: 3 * depth)
        let padding = String(
            repeating: " ", count: max(0, 27 - indentation.count - label.count))
        lines += "\(indentation)\(label)\(padding):\t\(value)\n"
    }

    /// Adds a sum, and its summands below it.
    mutating func add(_ label: String, _ counts: [ServerStatistics.NamedCount], depth: Int) {
        let sum = counts.map(\.count).reduce(0, ServerStatistics.sumOrMax)
        add(label, "\(sum)", depth: depth)
        for count in counts where count.count > 0 {
            add(Quantities.name(count.name), "\(count.count)", depth: depth + 1)
        }
    }
}
