// A screen in memory: cells with a character and a style each. What is laid out here without a terminal, FullScreen
// shows on one.

/// What a cell looks like. ``FullScreen`` has the colours, or what stands for them where there are none.
public enum CellStyle: Hashable, Sendable {
    case plain, title, muted, good, warning, failure
    /// Lines of a plot, by their number.
    case first, second, third, fourth
}

/// One place of a screen.
public struct Cell: Hashable, Sendable {
    public var character: Character
    public var style: CellStyle

    public static let blank = Cell(" ", .plain)

    public init(_ character: Character, _ style: CellStyle = .plain) {
        self.character = character
        self.style = style
    }
}

/// Which characters a terminal shows.
public enum Charset: Sendable, CaseIterable {
    /// UTF-8, with the 256 characters of braille: eight dots a cell.
    case braille
    /// UTF-8 on a console whose font has no braille: two half blocks a cell.
    case blocks
    case ascii

    /// A character that takes one cell and that the terminal does not obey: the same one, or `?`.
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
