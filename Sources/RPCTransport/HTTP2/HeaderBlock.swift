import CNghttp2

/// Header fields to be passed to nghttp2, which copies them.
struct HeaderBlock {
    private var bytes: [UInt8] = []
    private var spans: [(nameCount: Int, valueCount: Int, flags: UInt8)] = []

    /// Adds a field. `isUnique` keeps a field that differs in every call out of HPACK's table, where it would displace
    /// others.
    mutating func add(_ name: String, _ value: some Collection<UInt8>, isUnique: Bool = false) {
        let nameCount = name.utf8.count
        bytes.append(contentsOf: name.utf8)
        bytes.append(contentsOf: value)
        let flag = isUnique ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE
        spans.append((nameCount, value.count, UInt8(truncatingIfNeeded: flag.rawValue)))
    }

    mutating func add(_ name: String, _ value: String, isUnique: Bool = false) {
        add(name, value.utf8, isUnique: isUnique)
    }

    /// Adds the fields that may be sent, and leaves out the others.
    mutating func add(_ metadata: Metadata) {
        bytes.reserveCapacity(bytes.count + metadata.byteCount)
        spans.reserveCapacity(spans.count + metadata.fields.count)
        for field in metadata.fields where Metadata.isSendable(field.name) {
            switch field.value {
            case .text(let text) where text.utf8.first != 0x20 && text.utf8.last != 0x20:
                add(field.name, text.utf8)
            case .text(let text): add(field.name, text.trimmedASCII.utf8)
            case .binary(let bytes): add(field.name, Base64.encode(bytes))
            }
        }
    }

    var isEmpty: Bool { spans.isEmpty }

    /// Passes the fields to `body` in nghttp2's form, after `fixed`; valid during the call.
    func withFields<R>(
        after fixed: UnsafeBufferPointer<nghttp2_nv>,
        _ body: (UnsafePointer<nghttp2_nv>?, Int) -> R
    ) -> R {
        bytes.withUnsafeBufferPointer { buffer in
            var fields = Array(fixed)
            fields.reserveCapacity(fixed.count + spans.count)
            var next = UnsafeMutablePointer(mutating: buffer.baseAddress)
            for span in spans {
                let value = next.map { $0 + span.nameCount }
                fields.append(
                    nghttp2_nv(
                        name: next, value: value, namelen: span.nameCount,
                        valuelen: span.valueCount, flags: span.flags))
                next = value.map { $0 + span.valueCount }
            }
            return fields.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
        }
    }

    func withFields<R>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> R) -> R {
        withFields(after: UnsafeBufferPointer(start: nil, count: 0), body)
    }
}

/// Header fields that are the same for every call: nghttp2 refers to them instead of copying them.
///
/// The code that submits them keeps them alive as long as the session.
final class FixedFields: @unchecked Sendable {  // written by `init` only
    let fields: UnsafeMutableBufferPointer<nghttp2_nv>
    private let bytes: UnsafeMutableBufferPointer<UInt8>

    init(_ block: HeaderBlock) {
        (bytes, fields) = block.withFields { pointer, count in
            let source = UnsafeBufferPointer(start: pointer, count: count)
            let byteCount = source.reduce(0) { $0 + $1.namelen + $1.valuelen }
            let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: byteCount)
            let fields = UnsafeMutableBufferPointer<nghttp2_nv>.allocate(capacity: count)
            var end = 0
            func copy(_ start: UnsafeMutablePointer<UInt8>?, _ count: Int)
                -> UnsafeMutablePointer<UInt8>?
            {
                let target = bytes.baseAddress.map { $0 + end }
                if let target, let start { target.initialize(from: start, count: count) }
                end += count
                return target
            }
            let noCopy =
                NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
            for (position, field) in source.enumerated() {
                let name = copy(field.name, field.namelen)
                let value = copy(field.value, field.valuelen)
                fields.initializeElement(
                    at: position,
                    to: nghttp2_nv(
                        name: name, value: value, namelen: field.namelen, valuelen: field.valuelen,
                        flags: field.flags | UInt8(truncatingIfNeeded: noCopy)))
            }
            return (bytes, fields)
        }
    }

    deinit {
        fields.deallocate()
        bytes.deallocate()
    }
}

extension String {
    /// The text without spaces at either end, which RFC 9110 (section 5.5) does not count as part of a value.
    fileprivate var trimmedASCII: Substring {
        var text = self[...]
        while text.utf8.first == UInt8(ascii: " ") { text = text.dropFirst() }
        while text.utf8.last == UInt8(ascii: " ") { text = text.dropLast() }
        return text
    }
}
