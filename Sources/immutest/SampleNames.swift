/// Names of clients, from lists of common ones.
enum SampleNames {
    /// The number of names before they repeat.
    static var distinctCount: Int { 2 * firstNameCount * lastNames.count }
    /// The number of first names of women, and of men.
    static let firstNameCount = 32

    /// Returns title, first name and last name.
    ///
    /// - Parameter position: even for a woman.
    static func name(at position: Int, _ random: inout SplitMix64) -> String {
        let isFemale = position.isMultiple(of: 2)
        let firstNames = isFemale ? femaleNames : maleNames
        // The stride has no factor in common with the number of pairs, a power of two: each pair
        // occurs once before the first one repeats.
        let pairCount = firstNameCount * lastNames.count
        let pair = position / 2 % pairCount * 1_237 % pairCount
        let titles = isFemale ? ["Mrs.", "Ms.", "Miss"] : ["Mr."]
        let title = titles[Int.random(in: titles.indices, using: &random)]
        let first = firstNames[pair % firstNameCount]
        return "\(title) \(first) \(lastNames[pair / firstNameCount])"
    }

    static let femaleNames = words(
        """
        Alice Amelia Anna Barbara Beatrice Camila Charlotte Clara Diana Dorothy Elena Elizabeth \
        Emily Emma Frances Grace Hannah Helen Irene Isabella Jane Julia Laura Lucia Margaret Maria \
        Nora Olivia Rose Sarah Sophia Victoria
        """)
    static let maleNames = words(
        """
        Adam Albert Alexander Andrew Anthony Benjamin Charles Daniel David Edward Eric Francis \
        Frank George Henry Hugo Jacob James John Joseph Leo Lucas Mark Martin Michael Oliver Paul \
        Peter Robert Samuel Thomas William
        """)
    static let lastNames = words(
        """
        Adams Allen Anderson Bailey Baker Bell Bennett Brooks Brown Butler Campbell Carter Clark \
        Collins Cook Cooper Cox Davis Edwards Evans Fisher Foster Garcia Gray Green Hall Harris \
        Hill Howard Hughes Jackson Jenkins Johnson Jones Kelly King Lee Lewis Long Martinez Miller \
        Mitchell Moore Morgan Morris Murphy Myers Nelson Parker Perry Phillips Powell Price Reed \
        Roberts Rogers Ross Russell Sanders Scott Smith Stewart Turner Walker
        """)

    private static func words(_ text: String) -> [String] {
        text.split(separator: " ").map(String.init)
    }
}
