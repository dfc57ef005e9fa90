import Foundation
import POSIX
import TestTools
import Testing

@testable import ProgramKit

@Suite("Word to the service manager")
struct ServiceNotifierTests {
    @Test("says readiness, reloads, stops and reasons in the lines of sd_notify")
    func messages() throws {
        typealias State = ServiceNotifier.State
        #expect(
            State.ready("Serves 127.0.0.1:3322").message == "READY=1\nSTATUS=Serves 127.0.0.1:3322")
        #expect(State.stopping("Closes").message == "STOPPING=1\nSTATUS=Closes")
        #expect(State.busy("Opens").message == "STATUS=Opens")
        let reload = State.reloading.message
        let parts = try #require(reload.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=([0-9]+)/))
        #expect(Int(parts.1) ?? 0 > 0)
    }

    @Test("gives a reason in one line of at most 512 characters, whatever is in it")
    func oneLine() {
        let text = ServiceNotifier.State.failed(
            "no\nREADY=1\u{1b}" + String(repeating: "x", count: 600))
        #expect(text.message.hasPrefix("STATUS=no READY=1 xxx"))
        #expect(text.message.split(separator: "\n").count == 1)
        #expect(text.message.count == "STATUS=".count + 512)
    }

    @Test("says nothing if nobody listens", arguments: [nil, ""])
    func nobody(socket: String?) {
        let notifier = ServiceNotifier(socket: socket)
        #expect(!notifier.isListenedTo)
        #expect(notifier.complaint == nil)
        #expect(notifier.tell(.ready("")) == nil)
    }

    @Test(
        "a socket that cannot be one is a complaint that names it",
        arguments: ["@", "/", "relative", "vsock:2:1234", "/" + String(repeating: "x", count: 108)])
    func bad(socket: String) throws {
        let notifier = ServiceNotifier(socket: socket)
        #expect(!notifier.isListenedTo)
        #expect(try #require(notifier.complaint).hasPrefix("NOTIFY_SOCKET is \"\(socket)\""))
        #expect(notifier.tell(.ready("")) == nil)
    }

    @Test("is an error at once at a socket of nobody")
    func missing() {
        let notifier = ServiceNotifier(socket: "/nowhere/at/all")
        #expect(notifier.complaint == nil)
        #expect(notifier.tell(.ready("")) == .noSuchFileOrDirectory)
    }

    #if os(Linux)
        @Test("holds up the program for a second at most if nobody reads")
        func fullQueue() throws {
            let folder = TemporaryFolder()
            let listener = try NotifyListener(folder.file("notify").path)
            let notifier = ServiceNotifier(socket: listener.name)
            var count = 0
            let began = ContinuousClock.now
            while notifier.tell(.busy("once more")) == nil, count < 100_000 { count += 1 }
            #expect(count > 0 && count < 100_000)
            #expect(ContinuousClock.now - began < .seconds(10))
            #expect(try listener.next() == "STATUS=once more")
        }

        @Test("reaches sockets with a path and abstract ones")
        func kinds() throws {
            let folder = TemporaryFolder()
            for name in [folder.file("notify").path, "@immudb-test-\(UUID().uuidString)"] {
                let listener = try NotifyListener(name)
                #expect(ServiceNotifier(socket: name).tell(.ready("x")) == nil)
                #expect(try listener.next() == "READY=1\nSTATUS=x")
            }
        }
    #endif
}
