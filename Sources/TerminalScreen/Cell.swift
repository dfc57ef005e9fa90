// A screen in memory: cells with a character and a style each, independent of a terminal. FullScreen shows them on
// one.

/// The look of a cell. ``FullScreen`` maps it to colours, or to bold and reverse without colours.
public enum CellStyle: Hashable, Sendable {
    case plain, title, muted, good, warning, failure
    /// The lines of a plot, by number.
    case first, second, third, fourth
}

/// One position of a screen.
public struct Cell: Hashable, Sendable {
    public var character: Character
    public var style: CellStyle

    public static let blank = Cell(" ", .plain)

    public init(_ character: Character, _ style: CellStyle = .plain) {
        self.character = character
        self.style = style
    }
}

/// The set of characters that a terminal can show.
public enum Charset: Sendable, CaseIterable {
    /// UTF-8, with the 256 characters of braille: eight dots per cell.
    case braille
    /// UTF-8 on a console whose font has no braille: two half blocks per cell.
    case blocks
    case ascii

    /// Returns the character if it takes one cell and does not control the terminal, otherwise `?`.
    public func shown(_ character: Character) -> Character {
        let scalars = character.unicodeScalars
        guard let scalar = scalars.first, scalars.count == 1 else { return "?" }
        switch scalar.value {
        case 0x20...0x7e: return character
        case _ where self == .ascii: return scalar == "µ" ? "u" : "?"
        case 0xad, 0x483...0x489: return "?"
        case 0xa1...0x24f, 0x370...0x52f, 0x2010...0x2026, 0x2030...0x203a, 0x2500...0x259f,
            0x2800...0x28ff:
            return scalar.properties.generalCategory == .unassigned ? "?" : character
        default: return "?"
        }
    }
}
