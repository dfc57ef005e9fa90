/// Suggests a known name for a mistyped word.
enum Suggestion {
    /// Returns the name that `word` was most likely meant to be: one that begins with it, or one
    /// that differs from it by a few typing errors. Of equally near names, returns the first one.
    ///
    /// - Returns: nil if no name is near.
    static func nearest(to word: String, among names: [String]) -> String? {
        let word = word.lowercased()
        guard word.count > 1 else { return nil }
        // One error in a short word, two in a longer one. With more, any name would match any word.
        let limit = word.count < 5 ? 1 : 2
        var best: (name: String, distance: Int)?
        for name in names {
            let distance = distance(word, name.lowercased())
            if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
        }
        return best?.name ?? names.first { $0.lowercased().hasPrefix(word) }
    }

    /// Counts the letters that are left out, added, replaced, or swapped with their neighbour.
    static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left), Array(right))
        // Rows of the table of distances between beginnings of the two words.
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (i, letter) in left.enumerated() {
            var row = [i + 1]
            for (j, other) in right.enumerated() {
                var least = min(last[j] + (letter == other ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other {
                    least = min(least, beforeLast[j - 1] + 1)
                }
                row.append(least)
            }
            (beforeLast, last) = (last, row)
        }
        return last[right.count]
    }
}
