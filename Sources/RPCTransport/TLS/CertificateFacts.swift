import NIOSSL
import SwiftASN1
import X509

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The content of a certificate, in words for messages. An untrusted peer may have sent it: texts are cut.
struct CertificateFacts {
    enum Usage: String {
        case server = "servers"
        case client = "clients"

        fileprivate var extended: ExtendedKeyUsage.Usage {
            switch self {
            case .server: .serverAuth
            case .client: .clientAuth
            }
        }
    }

    private static let longestText = 100
    private static let mostNames = 10

    private let certificate: NIOSSLCertificate
    private let validFrom: time_t
    private let validUntil: time_t

    init(_ certificate: NIOSSLCertificate) {
        self.certificate = certificate
        validFrom = certificate.notValidBefore
        validUntil = certificate.notValidAfter
    }

    /// Parsed on demand: validity times do not need it.
    private var parsed: Certificate? {
        (try? certificate.toDERBytes()).flatMap { try? Certificate(derEncoded: $0) }
    }

    /// The subject's common name.
    var commonName: String? { parsed.flatMap { Self.commonName(of: $0.subject) } }

    /// The common name, or else the whole subject.
    var subject: String { parsed.map { Self.text(of: $0.subject) } ?? "unreadable" }

    var issuer: String { parsed.map { Self.text(of: $0.issuer) } ?? "unreadable" }

    /// The last second of its validity.
    var end: String { Self.text(of: validUntil) }

    /// Returns whether its validity ends within `seconds`.
    func ends(within seconds: Int) -> Bool { validUntil - time(nil) < seconds }

    /// The hosts and addresses for which it is valid.
    var names: String {
        let names = alternativeNames.compactMap { name -> String? in
            switch name {
            case .dnsName(let name): name
            case .ipAddress(let bytes): Self.address(Array(bytes.bytes))
            default: nil
            }
        }
        guard !names.isEmpty else { return commonName ?? "no name" }
        let shown = names.prefix(Self.mostNames).map(Self.cut).joined(separator: ", ")
        return names.count > Self.mostNames ? shown + ", …" : shown
    }

    /// Returns whether it is valid for a host of that name (RFC 6125, section 6.4): the whole name, or `*.` followed
    /// by all of it but the first label. The common name counts if there are no alternative names, as in older
    /// certificates.
    func isFor(hostNamed name: String) -> Bool {
        let name = Self.comparable(name)
        let alternatives = alternativeNames
        let names = alternatives.compactMap { alternative -> String? in
            if case .dnsName(let name) = alternative { name } else { nil }
        }
        return (alternatives.isEmpty ? [commonName].compactMap { $0 } : names).contains { pattern in
            let pattern = Self.comparable(pattern)
            guard pattern.hasPrefix("*."), let dot = name.firstIndex(of: ".") else {
                return pattern == name
            }
            return pattern.dropFirst() == name[dot...] && dot != name.startIndex
        }
    }

    private static func comparable(_ name: String) -> String {
        (name.hasSuffix(".") ? String(name.dropLast()) : name).lowercased()
    }

    private var alternativeNames: [GeneralName] {
        (try? parsed?.extensions.subjectAlternativeNames).map(Array.init) ?? []
    }

    /// The reason why it is not valid now, in words that follow "the certificate"; nil if it is valid.
    var faultOfTime: String? {
        let now = time(nil)
        if validUntil < now { return "has expired, on \(end)" }
        if validFrom > now { return "is not valid yet, but from \(Self.text(of: validFrom))" }
        return nil
    }

    /// Returns why it cannot be used by `usage`, in words that follow "the certificate"; nil if it can.
    func fault(for usage: Usage) -> String? {
        if let fault = faultOfTime { return fault }
        guard let usages = try? parsed?.extensions.extendedKeyUsage,
            !usages.contains(usage.extended), !usages.contains(.any)
        else { return nil }
        return "is not for \(usage.rawValue) (extended key usage)"
    }

    // MARK: words

    private static func commonName(of name: DistinguishedName) -> String? {
        for relative in name {
            for attribute in relative where attribute.type == .RDNAttributeType.commonName {
                return cut(attribute.value.description)
            }
        }
        return nil
    }

    private static func text(of name: DistinguishedName) -> String {
        commonName(of: name) ?? cut(name.description)
    }

    private static func cut(_ text: String) -> String {
        text.count > longestText ? text.prefix(longestText) + "…" : text
    }

    private static func address(_ bytes: [UInt8]) -> String? {
        let family =
            switch bytes.count {
            case 4: AF_INET
            case 16: AF_INET6
            default: nil as Int32?
            }
        guard let family else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(family, bytes, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    }

    /// Formats a time as `2026-11-28 13:05:00 UTC`.
    static func text(of time: time_t) -> String {
        var time = time
        var parts = tm()
        guard gmtime_r(&time, &parts) != nil else { return "a time out of range" }
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(day) \(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) UTC"
    }
}
