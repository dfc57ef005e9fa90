// RPCTransport: gRPC over HTTP/2, server and client side; unary and server-streaming calls.
//
// It knows nothing of immudb. The folders:
//
//   HTTP2/    HTTP2Connection: one nghttp2 session behind a channel handler; bytes in, frames out. nghttp2
//             does the framing, HPACK and flow control. Its delegate decides what streams mean.
//   Server/ RPCServer, and the objects of a handler: ServerCall, ServerStream. Client/ RPCClient,
//   and the answers of streams.
//
// The life of a unary call on the server:
//
//   read ─► nghttp2 ─► ServerConnection: RequestHeaders, IncomingRequest (states of an ActiveCall)
//        complete: the request's bytes move into a ServerCall ─► ServerLoop.enqueue
//        at the end of the loop's cycle: one batch ─► the WorkerPool of its class ─► decode, handler
//        reply, on any thread: serialised in place behind its prefix ─► LoopMailbox
//        one `execute` for many answers ─► ServerConnection.submit ─► nghttp2 ─► one write for many frames
//
// No actor, task or continuation is involved.
//
// Ownership: a connection and everything in it (ActiveCall, ServerLoop) belong to their event loop; other threads hold
// them only as `NIOLoopBound`. Both sides share a ServerCall; everything in it that changes is locked or atomic. The
// compiler checks this on the server's side: only nghttp2's tables, which never change, are `@unchecked Sendable`.
//
// `Server/Admission.swift` limits the memory that each client can make the server hold, and selects connections to
// close. Memory that is held for a client is a `Reservation`, which releases itself.
//
// A handler must not crash. Swift cannot contain a trap, so a handler that traps ends the process. Check, and answer
// with a status.
