import AsyncHTTPClient
import Dispatch
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// Calls of an auditor over HTTP: to other auditors, and to whom it tells its results. They follow nobody to another
/// address, and take nothing that is compressed.
final class WebCalls: Sendable {
    private static let timeout = TimeAmount.seconds(10)

    private let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(5), read: Self.timeout), decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.maximumUsesPerConnection = 1
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    func close() async { try? await client.shutdown() }

    /// - Throws: `AuditorError` that says why there is no answer of status 200.
    func get(_ url: String, byteLimit: Int) async throws -> [UInt8] {
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "accept", value: "application/json")
        return try await answer(to: request, byteLimit: byteLimit)
    }

    /// - Throws: as `get`; any status from 200 to 299 is a success.
    func post(_ body: [UInt8], to url: String) async throws {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: body))
        // What it answers is of no interest.
        _ = try await answer(to: request, byteLimit: nil)
    }

    /// Returns a URL as it may be shown, without a user and a password.
    static func shown(_ url: String) -> String {
        guard url.contains("@"), url.contains("://") else { return url }
        guard var parts = URLComponents(string: url) else { return "whose URL cannot be read" }
        parts.user = nil
        parts.password = nil
        return parts.string ?? "whose URL cannot be read"
    }

    /// - Parameter byteLimit: the most bytes of the answer's body; nil if it is not to be read.
    private func answer(to request: HTTPClientRequest, byteLimit: Int?) async throws -> [UInt8] {
        do {
            return try await withThrowingTaskGroup(of: [UInt8].self) { [client] group in
                group.addTask {
                    let response = try await client.execute(request, timeout: Self.timeout)
                    guard (200..<300).contains(response.status.code) else {
                        throw AuditorError(
                            .files, "it answers with the status \(response.status.code)")
                    }
                    guard let byteLimit else { return [] }
                    return [UInt8](buffer: try await response.body.collect(upTo: byteLimit))
                }
                // The client's own ends with the head of the answer.
                group.addTask {
                    try await Task.sleep(for: .nanoseconds(Self.timeout.nanoseconds))
                    throw AuditorError(.files, "it has not answered in time")
                }
                defer { group.cancelAll() }
                return try await group.next() ?? []
            }
        } catch let error as AuditorError {
            throw error
        } catch {
            try Task.checkCancellation()
            throw AuditorError(.files, "\(error)")
        }
    }
}

/// Runs work that blocks on a thread that is not one of Swift's cooperative pool.
func blocking<Value: Sendable>(
    _ work: @escaping @Sendable () throws -> Value
) async throws -> Value {
    try await withCheckedThrowingContinuation { completion in
        DispatchQueue.global().async { completion.resume(with: Result { try work() }) }
    }
}
