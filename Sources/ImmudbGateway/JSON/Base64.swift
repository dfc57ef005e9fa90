import Foundation

/// Decodes padded base64 of the standard or the URL-safe alphabet, as in paths and header fields.
func base64Bytes(_ text: String) -> [UInt8]? {
    var standard = text
    if text.utf8.contains(where: { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }) {
        // A text uses one alphabet or the other.
        guard !text.utf8.contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") })
        else {
            return nil
        }
        standard = String(
            decoding: text.utf8.map { byte in
                switch byte {
                case UInt8(ascii: "-"): UInt8(ascii: "+")
                case UInt8(ascii: "_"): UInt8(ascii: "/")
                default: byte
                }
            }, as: UTF8.self)
    }
    return Data(base64Encoded: standard).map { [UInt8]($0) }
}
