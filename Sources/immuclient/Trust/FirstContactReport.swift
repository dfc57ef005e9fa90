import ClientKit
import ImmudbClient

/// The information that a server shows at first contact.
struct FirstContactReport {
    let address: String
    let server: ServerIdentity
    let root: TrustedRoot
    let folder: String

    var text: String {
        guard let last = root.size.lastIndex else {
            return "First contact with the server at \(address), \(server.text), which is empty."
        }
        return """
            First contact with the server at \(address): from now on it is held to what it shows now, by \(folder).
            identity: \(server.text)
            root:     \(root.root.hex) at index \(last)
            phrase:   \(root.root.phrase)
            Is it the right one? Compare with what its operator or another client sees: immuclient current --json
            """
    }

    var json: JSONObject {
        var object: JSONObject = [
            "address": .text(address), "server": .text(server.text),
            "size": .number(root.size.rawValue),
        ]
        if let last = root.size.lastIndex {
            object["index"] = .number(last.rawValue)
            object["hash"] = .text(root.root.hex)
            object["phrase"] = .text(root.root.phrase)
        }
        return ["firstContact": .object(object)]
    }
}
