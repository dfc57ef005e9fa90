import Foundation
import NIOCore
import NIOFoundationCompat
import SwiftProtobuf

/// The reason why a request's JSON is refused: the field and its fault.
struct JSONFault: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }

    init(_ path: [any CodingKey], _ reason: String) {
        description = "field \(Self.text(of: path)): \(reason)"
    }

    init(_ error: DecodingError) {
        switch error {
        case .typeMismatch(let type, let context):
            self = Self.wrongType(type, context)
        case .valueNotFound(_, let context), .keyNotFound(_, let context):
            self.init(context.codingPath, "missing")
        case .dataCorrupted(let context) where context.codingPath.isEmpty:
            let detail = (context.underlyingError as NSError?)?.userInfo[NSDebugDescriptionErrorKey]
            self.init("the body is not JSON: \(detail ?? context.debugDescription)")
        case .dataCorrupted(let context):
            self.init(context.codingPath, context.debugDescription)
        @unknown default:
            self.init("the body is not JSON: \(error)")
        }
    }

    private static func wrongType(_ type: Any.Type, _ context: DecodingError.Context) -> JSONFault {
        let wanted: String =
            switch type {
            case is String.Type: "a string"
            case is Bool.Type: "true or false"
            case is [Any].Type: "a list"
            default: "an object"
            }
        return context.codingPath.isEmpty
            ? JSONFault("the body is not \(wanted)")
            : JSONFault(context.codingPath, "not \(wanted)")
    }

    /// Formats a path as `kv.key` or `KVs[3].value`.
    private static func text(of path: [any CodingKey]) -> String {
        path.reduce(into: "") { text, key in
            if let position = key.intValue {
                text += "[\(position)]"
            } else {
                text += (text.isEmpty ? "" : ".") + key.stringValue
            }
        }
    }
}

/// Reads the body of a request.
enum JSONBody {
    /// Reads a message from any JSON, plain or not. An empty body, and `null`, are an empty
    /// message.
    static func read<Message: SwiftProtobuf.Message>(
        _ body: ByteBuffer, as shape: MessageShape<Message>
    ) throws(JSONFault) -> Message {
        let data: Data
        if isEmpty(body) {
            data = Data("{}".utf8)
        } else {
            _ = try JSONScan.valueCount(body)
            data = Data(buffer: body, byteTransferStrategy: .noCopy)
        }
        do {
            return try JSONDecoder().decode(
                Shaped<Message>.self, from: data, configuration: shape
            ).message
        } catch let error as JSONFault {
            throw error
        } catch let error as DecodingError {
            throw JSONFault(error)
        } catch {
            throw JSONFault("the body is not JSON: \(error)")
        }
    }

    private static func isEmpty(_ body: ByteBuffer) -> Bool {
        guard body.readableBytes <= 64 else { return false }
        let blanks = " \t\r\n".utf8
        let text = body.readableBytesView.drop { blanks.contains($0) }
        guard let first = text.first else { return true }
        guard first == UInt8(ascii: "n") else { return false }
        return text.prefix(4).elementsEqual("null".utf8)
            && text.dropFirst(4).allSatisfy { blanks.contains($0) }
    }
}
